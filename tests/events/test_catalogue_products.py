"""Clients of one product in different languages say the same cause; neighbours of a cause stay apart."""

import pytest

from fde_events.event import ErrorEvent
from fde_events.vendors import VENDORS
from fde_streams.cause import cause_of, told
from fde_streams.signature import signature_of

# (product, cause, what the Python client prints, what the Node or Java client prints); an exception type may lead, then a colon.
SAME = [
    ("mysql", "auth.password", "(1045, \"Access denied for user 'app'@'10.0.0.8' (using password: YES)\")", "Access denied for user 'etl'@'172.17.0.1' (using password: YES)"),
    ("mysql", "auth.permission", "(1044, \"Access denied for user 'app'@'%' to database 'shop'\")", "ER_DBACCESS_DENIED_ERROR: Access denied for user 'x'@'%' to database 'crm'"),
    ("mysql", "conflict.unique", "1062 (23000): Duplicate entry '7' for key 'orders.PRIMARY'", "Duplicate entry 'a@b.example' for key 'email'"),
    ("mysql", "conflict.deadlock", "(1213, 'Deadlock found when trying to get lock; try restarting transaction')", "ER_LOCK_DEADLOCK: Deadlock found when trying to get lock; try restarting transaction"),
    ("mysql", "conflict.lock-timeout", "(1205, 'Lock wait timeout exceeded; try restarting transaction')", "Lock wait timeout exceeded; try restarting transaction"),
    ("mysql", "network.connection-dropped", "(2006, 'MySQL server has gone away')", "Connection lost: The server closed the connection."),
    ("mysql", "network.connection-dropped", "(2013, 'Lost connection to MySQL server during query')", "Communications link failure"),
    ("mysql", "payload.too-large", "(1153, \"Got a packet bigger than 'max_allowed_packet' bytes\")", "Packet for query is too large (5,243,000 > 4,194,304)."),
    ("mysql", "upstream.failover", "(1290, 'The MySQL server is running with the --read-only option so it cannot execute this statement')", "ER_OPTION_PREVENTS_STATEMENT: The MySQL server is running with the --read-only option so it cannot execute this statement"),
    ("mysql", "schema-drift.column-missing", "(1054, \"Unknown column 'due' in 'field list'\")", "Unknown column 'state' in 'where clause'"),
    ("mysql", "data-quality.encoding", "(1366, \"Incorrect string value: '\\\\xF0\\\\x9F' for column 'note' at row 1\")", "Incorrect string value: '\\xE2\\x80' for column 'name' at row 9"),
    ("mssql", "auth.password", "(18456, b\"Login failed for user 'sa'.DB-Lib error message 20018, severity 14\")", "Login failed for user 'etl'."),
    ("mssql", "config.database-missing", "[42000] Cannot open database \"ops\" requested by the login. The login failed. (4060)", "Cannot open database \"shop\" requested by the login. The login failed."),
    ("mssql", "conflict.deadlock", "Transaction (Process ID 55) was deadlocked on lock resources with another process and has been chosen as the deadlock victim. Rerun the transaction.", "Transaction (Process ID 71) was deadlocked on lock | communication buffer resources with another process and has been chosen as the deadlock victim."),
    ("mssql", "data-quality.too-long", "[22001] String or binary data would be truncated in table 'x', column 'y'. (2628)", "String or binary data would be truncated in table 'a.b', column 'c'."),
    ("mssql", "capacity.statement-timeout", "[HYT00] Query timeout expired (0)", "Timeout: Request failed to complete in 15000ms"),
    ("mssql", "schema-drift.table-missing", "[42S02] Invalid object name 'dbo.orders'. (208)", "Invalid object name 'sales.lines'."),
    ("oracle", "auth.password", "ORA-01017: invalid username/password; logon denied", "ORA-01017: invalid credential or not authorized; logon denied"),
    ("oracle", "config.service-name", "DPY-6001: cannot connect to database (CONNECTION_ID=x). Service \"p\" is not registered with the listener at host \"h\" port 1521. (Similar to ORA-12514)", "NJS-518: cannot connect to Oracle Database. Service \"q\" is not registered with the listener at host"),
    ("oracle", "network.unreachable", "DPY-6005: cannot connect to database (CONNECTION_ID=y).", "NJS-503: connection to host db1 port 1521 could not be established."),
    ("oracle", "conflict.unique", "ORA-00001: unique constraint (APP.PK) violated", "ORA-00001: unique constraint (X.Y) violated on table X.T columns (ID)"),
    ("oracle", "network.connection-dropped", "DPY-4011: the database or network closed the connection", "NJS-500: connection to the Oracle Database was broken"),
    ("oracle", "capacity.pool", "DPY-4005: timed out waiting for the connection pool to return a connection", "NJS-040: connection request timeout. Request exceeded queueTimeout of 60000"),
    ("snowflake", "auth.password", "250001 (08001): None: Failed to connect to DB: x.snowflakecomputing.com:443. Incorrect username or password was specified.", "Incorrect username or password was specified."),
    ("snowflake", "schema-drift.table-missing", "002003 (42S02): 01b: SQL compilation error: Object 'ORDERS' does not exist or not authorized.", "SQL compilation error:\nTable 'X.Y' does not exist or not authorized."),
    ("snowflake", "config.warehouse-missing", "000606 (57P03): No active warehouse selected in the current session. Select an active warehouse", "No active warehouse selected in the current session."),
    ("postgres", "auth.password", 'connection failed: FATAL:  password authentication failed for user "app"', 'password authentication failed for user "etl"'),
    ("postgres", "config.pooler-prepared", 'prepared statement "_pg3_0" does not exist', 'prepared statement "S_1" already exists'),
    ("postgres", "timeout.idle-transaction", "terminating connection due to idle-in-transaction timeout", "FATAL: terminating connection due to idle-in-transaction timeout"),
    ("postgres", "conflict.transaction-aborted", "InFailedSqlTransaction: current transaction is aborted, commands ignored until end of transaction block", "error: current transaction is aborted, commands ignored until end of transaction block"),
    ("mongodb", "conflict.unique", "E11000 duplicate key error collection: shop.orders index: _id_ dup key: { _id: 1 }, full error: {'code': 11000}", "E11000 duplicate key error collection: crm.users index: email_1 dup key"),
    ("mongodb", "auth.password", "bad auth : Authentication failed., full error: {'ok': 0, 'code': 8000, 'codeName': 'AtlasError'}", "bad auth : authentication failed"),
    ("mongodb", "network.unreachable", "No servers found yet, Timeout: 30s, Topology Description: <TopologyDescription>", "Server selection timed out after 30000 ms"),
    ("mongodb", "payload.too-large", "BSON document too large (17825792 bytes) - the connected server supports BSON document sizes up to 16777216 bytes.", "BSONObj size: 17825792 (0x1100000) is invalid. Size must be between 0 and 16793600(16MB)"),
    ("elasticsearch", "config.index-missing", "NotFoundError(404, 'index_not_found_exception', 'no such index [orders]', orders, index_or_alias)", "index_not_found_exception\n\tRoot causes:\n\t\tindex_not_found_exception: no such index [users]"),
    ("elasticsearch", "capacity.queue-full", "(429, 'es_rejected_execution_exception', 'rejected execution of coordinating operation')", "es_rejected_execution_exception: rejected execution of primary operation"),
    ("elasticsearch", "capacity.flood-stage", "AuthorizationException(403, 'cluster_block_exception', 'index [logs] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];')", "index [a] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"),
    ("cassandra", "timeout.read", "Error from server: code=1200 [Coordinator node timed out waiting for replica nodes' responses] message=\"Operation timed out - received only 1 responses.\"", "Server timeout during read query at consistency LOCAL_QUORUM (1 peer(s) acknowledged the read over 2 required)"),
    ("cassandra", "network.unreachable", "('Unable to connect to any servers', {'10.0.0.1:9042': OSError()})", "All host(s) tried for query failed. First host tried, 10.0.0.1:9042"),
    ("clickhouse", "schema-drift.table-missing", "Code: 60. DB::Exception: Table default.x doesn't exist. (UNKNOWN_TABLE)", "Table default.orders does not exist"),
    ("clickhouse", "capacity.memory", "Code: 241.\nDB::Exception: Memory limit (for query) exceeded: would use 9.3 GiB", "Code: 241. DB::Exception: (total) memory limit exceeded (MEMORY_LIMIT_EXCEEDED)"),
    ("bigquery", "rate-limit.concurrency", "403 Exceeded rate limits: too many concurrent queries for this project_and_region", "Exceeded rate limits: too many concurrent queries for this project"),
    ("bigquery", "data-quality.merge-match", "400 UPDATE/MERGE must match at most one source row for each target row at [1:1]", "UPDATE/MERGE must match at most one source row for each target row"),
    ("databricks", "schema-drift.column-missing", "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name `x` cannot be resolved. Did you mean one of the following? [`y`]", "A column or function parameter with name `due` cannot be resolved. Did you mean one of the following? [`id`]"),
    ("sqlite", "conflict.lock-timeout", "database is locked", "SQLITE_BUSY: database is locked"),
    ("sqlite", "conflict.unique", "UNIQUE constraint failed: users.email", "SQLITE_CONSTRAINT_UNIQUE: UNIQUE constraint failed: t.id"),
    ("duckdb", "conflict.lock-timeout", "IO Error: Could not set lock on file \"/data/x.db\": Conflicting lock is held", "Could not set lock on file \"y.duckdb\": Resource temporarily unavailable"),
    ("trino", "capacity.memory", 'TrinoQueryError(type=INSUFFICIENT_RESOURCES, name=EXCEEDED_GLOBAL_MEMORY_LIMIT, message="Query exceeded distributed user memory limit of 20GB")', "Query exceeded distributed user memory limit of 40GB"),
    ("teradata", "capacity.spool", "[Version 17.20.0.7] [Session 1] [Teradata Database] [Error 2646] No more spool space in etl.", "[Teradata Database] [TeraJDBC 17.20] [Error 2646] [SQLState HY000] No more spool space in app."),
    ("hana", "auth.permission", "(258, 'insufficient privilege: Detailed info for this error can be found with guid X')", "insufficient privilege: Not authorized"),
    ("db2", "conflict.unique", "[IBM][CLI Driver][DB2/LINUXX8664] SQL0803N  One or more values in the INSERT statement are not valid. SQLSTATE=23505 SQLCODE=-803", "DB2 SQL Error: SQLCODE=-803, SQLSTATE=23505, SQLERRMC=1;APP.T, DRIVER=4.31"),
    ("neo4j", "auth.password", "{code: Neo.ClientError.Security.Unauthorized} {message: The client is unauthorized due to authentication failure.}", "The client is unauthorized due to authentication failure."),
    ("couchbase", "conflict.version", "CasMismatchException(<ec=109, category=couchbase.common, message=cas_mismatch (109)>)", "CasMismatchError: cas mismatch"),
    ("cosmos", "rate-limit.request-units", "(TooManyRequests) Request rate is large. More Request Units may be needed, so no changes were made.", "Message: {\"Errors\":[\"Request rate is large. More Request Units may be needed, so no changes were made.\"]}"),
    ("redis", "upstream.failover-readonly", "READONLY You can't write against a read only replica.", "READONLY You can't write against a read only slave."),
    ("redis", "capacity.maxmemory", "OOM command not allowed when used memory > 'maxmemory'.", "OOM command not allowed when used memory > 'maxmemory'. script: x"),
    ("redis", "conflict.group-exists", "BUSYGROUP Consumer Group name already exists", "ReplyError: BUSYGROUP Consumer Group name already exists"),
    ("kafka", "config.topic-missing", "KafkaError{code=UNKNOWN_TOPIC_OR_PART,val=3,str=\"Broker: Unknown topic or partition\"}", "This server does not host this topic-partition"),
    ("kafka", "payload.too-large", "KafkaError{code=MSG_SIZE_TOO_LARGE,val=10,str=\"Broker: Message size too large\"}", "The request included a message larger than the max message size the server will accept"),
    ("kafka", "auth.topic", "KafkaError{code=TOPIC_AUTHORIZATION_FAILED,val=29,str=\"Broker: Topic authorization failed\"}", "Not authorized to access topics: [Topic authorization failed]"),
    ("kafka", "auth.sasl", "KafkaError{code=_AUTHENTICATION,val=-169,str=\"SASL authentication error\"}", "SASL PLAIN authentication failed: Authentication failed: Invalid username or password"),
    ("rabbitmq", "auth.password", "(403, 'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.')", "Handshake terminated by server: 403 (ACCESS-REFUSED) with message \"ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN\""),
    ("rabbitmq", "config.queue-arguments", "(406, \"PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'\")", "Operation failed: QueueDeclare; 406 (PRECONDITION-FAILED) with message \"PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'a' in vhost '/'\""),
    ("rabbitmq", "config.queue-missing", "(404, \"NOT_FOUND - no queue 'jobs' in vhost '/'\")", "Operation failed: QueueDeclare; 404 (NOT-FOUND) with message \"NOT_FOUND - no queue 'x' in vhost 'prod'\""),
    ("nats", "network.unreachable", "nats: no servers available for connection", "CONNECTION_REFUSED"),
    ("servicebus", "conflict.lock-lost", "The lock on the message lock has expired.", "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue."),
    ("ibmmq", "auth.permission", "MQI Error. Comp: 2, Reason 2035: FAILED: MQRC_NOT_AUTHORIZED", "JMSWMQ2013: ... '2' ('MQCC_FAILED') reason '2035' ('MQRC_NOT_AUTHORIZED')."),
    ("aws", "auth.no-credentials", "NoCredentialsError: Unable to locate credentials", "Could not load credentials from any providers"),
    ("aws", "rate-limit.provisioned-throughput", "An error occurred (ProvisionedThroughputExceededException) when calling the PutItem operation: x", "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level"),
    ("aws", "auth.token-expired", "An error occurred (ExpiredTokenException) when calling the GetObject operation: The security token included in the request is expired", "The security token included in the request is expired"),
    ("azure", "data-quality.missing-object", "The specified blob does not exist.\nRequestId:x\nErrorCode:BlobNotFound", "The specified blob does not exist."),
    ("azure", "conflict.lease", "There is currently a lease on the blob and no lease ID was specified in the request.\nErrorCode:LeaseIdMissing", "LeaseIdMissing: There is currently a lease on the blob and no lease ID was specified in the request."),
    ("sftp", "auth.password", "Authentication failed.", "All configured authentication methods failed"),
    ("smtp", "auth.password", "(535, b'5.7.8 Username and Password not accepted. For more information, go to')", "Invalid login: 535-5.7.8 Username and Password not accepted."),
    ("ldap", "auth.password", "{'result': 49, 'desc': 'Invalid credentials', 'info': '80090308: LdapErr: DSID-0C09, comment: AcceptSecurityContext error, data 52e, v4563'}", "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 52e, v3839"),
    ("kubernetes", "conflict.version", "(409) Reason: Conflict: Operation cannot be fulfilled on deployments.apps \"x\": the object has been modified; please apply your changes to the latest version and try again", "the object has been modified; please apply your changes to the latest version and try again"),
    ("docker", "rate-limit.pull", "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating", "(HTTP code 500) server error - toomanyrequests: You have reached your pull rate limit."),
    ("vault", "upstream.sealed", "Vault is sealed, on post https://v.example", "Vault is sealed"),
    ("gcs", "rate-limit.object-mutation", "429 PUT: The object b/o exceeded the rate limit for object mutation operations (create, update, and delete).", "The object x/y exceeded the rate limit for object mutation operations"),
    ("firestore", "config.index-missing", "400 The query requires an index. You can create it here: https://x.example", "9 FAILED_PRECONDITION: The query requires an index. You can create it here: https://y.example"),
]  # fmt: skip

# (product, one text, another): a different fix, so never one cause.
APART = [
    ("mysql", "Access denied for user 'a'@'b' (using password: YES)", "Access denied for user 'a'@'b' to database 'c'"),
    ("mysql", "Host '10.0.0.1' is not allowed to connect to this MySQL server", "Host '10.0.0.1' is blocked because of many connection errors; unblock with 'mysqladmin flush-hosts'"),
    ("mysql", "Deadlock found when trying to get lock", "Lock wait timeout exceeded; try restarting transaction"),
    ("mssql", "Login failed for user 'x'. Reason: The password of the account has expired.", "Login failed for user 'x'."),
    ("mssql", "Conversion failed when converting date and/or time from character string.", "Conversion failed when converting the varchar value 'a' to data type int."),
    ("oracle", "ORA-28000: the account is locked", "ORA-28001: the password has expired"),
    ("oracle", "ORA-00060: deadlock detected while waiting for resource", "ORA-00054: resource busy and acquire with NOWAIT specified"),
    ("postgres", "sorry, too many clients already", "canceling statement due to statement timeout"),
    ("postgres", "invalid input syntax for type json", "invalid input syntax for type timestamp: \"x\""),
    ("mongodb", "E11000 duplicate key error", "Document failed validation"),
    ("redis", "max number of clients reached", "OOM command not allowed when used memory > 'maxmemory'"),
    ("kafka", "Broker: Topic authorization failed", "Broker: Group authorization failed"),
    ("aws", "The specified bucket does not exist", "The specified key does not exist."),
    ("azure", "The specified blob does not exist.", "The specified container does not exist."),
    ("rabbitmq", "NOT_FOUND - no queue 'a' in vhost '/'", "NOT_FOUND - vhost 'a' not found"),
    ("smtp", "Relay access denied", "Recipient address rejected: User unknown"),
    ("elasticsearch", "no such index [a]", "failed to parse field [due] of type [date] in document"),
]  # fmt: skip


def cause(product, text):
    found = cause_of(product, (), text, (text.split(":", 1)[0],), general=False)
    return None if found is None else found.name


@pytest.mark.parametrize(("product", "expected", "one", "other"), SAME)
def test_two_clients_of_a_product_say_one_cause(product, expected, one, other):
    assert (cause(product, one), cause(product, other)) == (expected, expected)


@pytest.mark.parametrize(("product", "one", "other"), APART)
def test_what_is_repaired_otherwise_is_another_cause(product, one, other):
    assert cause(product, one) is not None
    assert cause(product, one) != cause(product, other)


@pytest.mark.parametrize(
    ("text", "vendor"),
    [
        ("Deadlock found when trying to get lock; try restarting transaction", "mysql"),
        ("Transaction (Process ID 5) has been chosen as the deadlock victim", "mssql"),
        ("ORA-00060: deadlock detected while waiting for resource", "oracle"),
        ("E11000 duplicate key error collection: a.b", "mongodb"),
        ('duplicate key value violates unique constraint "pk"', "postgres"),
        ("UNIQUE constraint failed: t.id", "sqlite"),
        ("You can't write against a read only replica", "redis"),
        ("This server does not host this topic-partition", "kafka"),
        ("Unable to locate credentials", "aws"),
        ("The specified blob does not exist.", "azure"),
        ("All configured authentication methods failed", "sftp"),
    ],
)
def test_a_sentence_that_nobody_else_says_names_the_product(text, vendor):
    said = told(text)
    assert said is not None
    assert said.vendor == vendor


@pytest.mark.parametrize(
    "text", ["connection closed", "access denied", "not found", "timed out", "already exists", "invalid credentials"]
)
def test_words_that_everybody_says_name_nobody(text):
    assert told(text) is None


def test_nothing_stands_for_two_causes_of_one_vendor():
    for vendor in VENDORS:
        for key in ("codes", "types", "status", "conditions"):
            said = [item for meaning in vendor.meanings for item in {str(one).lower() for one in getattr(meaning, key)}]
            assert len(said) == len(set(said)), (
                vendor.name,
                key,
                sorted({item for item in said if said.count(item) > 1}),
            )


def test_a_telling_sentence_leads_to_its_own_vendor_and_cause():
    for vendor in VENDORS:
        for meaning in vendor.meanings:
            for phrase in meaning.tells:
                said = told(phrase.replace("*", "x"))
                assert said is not None, phrase
                assert said.vendor == vendor.name, (phrase, said)


def test_customers_that_share_no_code_meet():
    python = ErrorEvent(
        time="2026-10-01T00:00:00Z",
        exception_type="pymysql.err.IntegrityError",
        exception_message="(1062, \"Duplicate entry 'A-1' for key 'orders.ref'\")",
    )
    node = ErrorEvent(
        time="2026-10-01T00:00:00Z",
        exception_stacktrace="Error: Duplicate entry 'x@y.example' for key 'email'\n    at Packet.asError (/app/node_modules/mysql2/lib/packets/packet.js:740:17) {\n  code: 'ER_DUP_ENTRY',\n  errno: 1062,\n  sqlState: '23000'\n}",
    )
    assert signature_of(python).digest == signature_of(node).digest
