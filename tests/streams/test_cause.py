"""One answer of one vendor as its SDKs print it in Python and in Node: the same cause; another answer: another cause."""

import pytest

from fde_events.event import ErrorEvent
from fde_events.vendors import VENDORS
from fde_streams.cause import cause_of, told
from fde_streams.diagnosis import diagnosis_of

# vendor, cause, (Python package, type, text), (npm package, type, text). Texts as the clients of the two languages print them.
SAME = [
    ("hubspot", "rate-limit.burst",
     ("hubspot", "hubspot.crm.contacts.exceptions.ApiException", '(429)\nReason: Too Many Requests\nHTTP response body: {"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}'),
     ("@hubspot/api-client", "ApiException", 'HTTP-Code: 429\nMessage: An error occurred.\nBody: {"status":"error","message":"You have reached your secondly limit.","policyName":"SECONDLY"}')),
    ("hubspot", "rate-limit.daily-quota",
     ("hubspot", "hubspot.crm.deals.exceptions.ApiException", '(429)\nReason: Too Many Requests\nHTTP response body: {"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","policyName":"DAILY"}'),
     ("@hubspot/api-client", "ApiException", 'HTTP-Code: 429\nMessage: You have reached your daily limit.')),
    ("hubspot", "auth.scope-missing",
     ("hubspot", "hubspot.crm.companies.exceptions.ForbiddenException", '(403)\nReason: Forbidden\nHTTP response body: {"status":"error","message":"This app hasn\'t been granted all required scopes to make this call. Read more about required scopes here","category":"MISSING_SCOPES"}'),
     ("@hubspot/api-client", "ApiException", 'HTTP-Code: 403\nBody: {"status":"error","category":"MISSING_SCOPES","message":"One or more of the following scopes are required."}')),
    ("hubspot", "auth.token-expired",
     ("hubspot", "hubspot.crm.contacts.exceptions.UnauthorizedException", '(401)\nReason: Unauthorized\nHTTP response body: {"message":"The OAuth token used to make this call expired 3 hour(s) ago.","category":"EXPIRED_AUTHENTICATION"}'),
     ("@hubspot/api-client", "ApiException", 'HTTP-Code: 401\nBody: {"category":"EXPIRED_AUTHENTICATION","message":"The OAuth token used to make this call expired 12 second(s) ago."}')),
    ("shopify", "rate-limit.burst",
     ("pyactiveresource", "pyactiveresource.connection.ClientError", 'Response(code=429, body="b\'{"errors":"Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."}\'")'),
     ("@shopify/shopify-api", "HttpThrottlingError", "Shopify is throttling requests { Exceeded 4 calls per second for api client. Reduce request rates to resume uninterrupted service. }")),
    ("shopify", "auth.key-invalid",
     ("shopify", "pyactiveresource.connection.UnauthorizedAccess", "Response(code=401): [API] Invalid API key or access token (unrecognized login or wrong password)"),
     ("@shopify/shopify-api", "HttpResponseError", 'Received an error response (401 Unauthorized) from Shopify: "[API] Invalid API key or access token (unrecognized login or wrong password)"')),
    ("zendesk", "rate-limit.burst",
     ("zenpy", "zenpy.lib.exception.RatelimitBudgetExceeded", "Rate limit of 700 has been reached: number of allowed API requests per minute exceeded"),
     ("node-zendesk", "Error", "Zendesk Error (429): Number of allowed API requests per minute exceeded")),
    ("zendesk", "conflict.duplicate-value",
     ("zenpy", "zenpy.lib.exception.APIException", '{"error": "RecordInvalid", "description": "Record validation errors", "details": {"email": [{"description": "Email: a@b.example is already being used by another user", "error": "DuplicateValue"}]}}'),
     ("node-zendesk", "Error", 'Zendesk Error (422): Unprocessable Entity {"error":"RecordInvalid","details":{"email":[{"error":"DuplicateValue"}]}}')),
    ("intercom", "conflict.duplicate-user",
     ("intercom", "intercom.errors.ConflictError", "A contact matching those details already exists with id=64f0a3"),
     ("intercom-client", "IntercomError", '409: {"errors":[{"code":"conflict","message":"A contact matching those details already exists with id=12ff"}]}')),
    ("mailchimp", "conflict.member-exists",
     ("mailchimp_marketing", "mailchimp_marketing.api_client.ApiClientError", '{"title":"Member Exists","status":400,"detail":"kim@acme.example is already a list member. Use PUT to insert or update list members."}'),
     ("@mailchimp/mailchimp_marketing", "Error", "Bad Request: ann@b.example is already a list member. Use PUT to insert or update list members.")),
    ("mailchimp", "data-quality.compliance-state",
     ("mailchimp3", "mailchimp3.mailchimpclient.MailChimpError", "{'title': 'Member In Compliance State', 'status': 400, 'detail': 'kim@acme.example is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.'}"),
     ("@mailchimp/mailchimp_marketing", "Error", "Bad Request: a@b.example is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.")),
    ("sendgrid", "auth.key-invalid",
     ("python_http_client", "python_http_client.exceptions.UnauthorizedError", "HTTP Error 401: Unauthorized"),
     ("@sendgrid/mail", "ResponseError", 'Unauthorized {"errors":[{"message":"The provided authorization grant is invalid, expired, or revoked"}]}')),
    ("sendgrid", "config.sender-identity",
     ("python_http_client", "python_http_client.exceptions.ForbiddenError", 'HTTP Error 403: Forbidden {"errors":[{"message":"The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved."}]}'),
     ("@sendgrid/mail", "ResponseError", "Forbidden: The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.")),
    ("sendgrid", "rate-limit.quota",
     ("python_http_client", "python_http_client.exceptions.UnauthorizedError", 'HTTP Error 401: Unauthorized {"errors":[{"message":"Maximum credits exceeded","field":null}]}'),
     ("@sendgrid/mail", "ResponseError", "Unauthorized: Maximum credits exceeded")),
    ("mailgun", "config.domain-unverified",
     ("mailgun", "requests.exceptions.HTTPError", '403 {"message":"The domain is unverified and requires DNS configuration. Log in to your control panel to view required DNS records."}'),
     ("mailgun.js", "Error", "Forbidden: The domain is unverified and requires DNS configuration.")),
    ("postmark", "data-quality.inactive-recipient",
     ("postmarker", "postmarker.exceptions.ClientError", "[406] You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: a@b.example."),
     ("postmark", "InactiveRecipientsError", "You tried to send to recipient(s) that have been marked as inactive.")),
    ("klaviyo", "rate-limit.burst",
     ("klaviyo_api", "openapi_client.exceptions.ApiException", '(429)\nReason: Too Many Requests\nHTTP response body: {"errors":[{"status":429,"code":"throttled","title":"Request was throttled.","detail":"Request was throttled. Expected available in 1 second."}]}'),
     ("klaviyo-api", "AxiosError", "Request was throttled. Expected available in 7 seconds.")),
    ("klaviyo", "conflict.duplicate-profile",
     ("klaviyo_api", "openapi_client.exceptions.ApiException", '(409)\nReason: Conflict\nHTTP response body: {"errors":[{"code":"duplicate_profile","title":"Conflict.","detail":"A profile already exists with one of these identifiers."}]}'),
     ("klaviyo-api", "AxiosError", "Conflict: A profile already exists with one of these identifiers.")),
    ("marketo", "rate-limit.burst",
     ("marketorestpython", "marketorestpython.client.MarketoException", "Marketo API Error Code 606: Max rate limit '100' exceeded with in '20' secs"),
     ("node-marketo-rest", "Error", "Max rate limit '100' exceeded with in '20' secs")),
    ("asana", "rate-limit.burst",
     ("asana", "asana.error.RateLimitEnforcedError", "Rate Limit Enforced: You have made too many requests recently. Please, be chill."),
     ("asana", "RateLimitEnforced", "You have made too many requests recently. Please, be chill.")),
    ("asana", "pagination.cursor-expired",
     ("asana", "asana.error.InvalidTokenError", "Sync token invalid or too old. If you are attempting to keep resources in sync, you must fetch the full dataset for this query now."),
     ("asana", "Error", "sync: Sync token invalid or too old.")),
    ("monday", "rate-limit.complexity",
     ("monday", "monday.exceptions.MondayQueryError", "{'errors': [{'message': 'Complexity budget exhausted, query cost 30001 budget remaining 9999 out of 10000000 reset in 24 seconds'}]}"),
     ("@mondaydotcomorg/api", "ClientError", 'GraphQL Error: {"response":{"errors":[{"message":"Complexity budget exhausted, query cost 5000","extensions":{"code":"COMPLEXITY_BUDGET_EXHAUSTED"}}]}}')),
    ("notion", "config.not-shared",
     ("notion_client", "notion_client.errors.APIResponseError", "Could not find database with ID: be907abe-510e-4116-a3d1-7ea71018c06f. Make sure the relevant pages and databases are shared with your integration."),
     ("@notionhq/client", "APIResponseError", "Could not find page with ID: 11112222-510e-4116-a3d1-7ea71018c06f. Make sure the relevant pages and databases are shared with your integration.")),
    ("notion", "conflict.save",
     ("notion_client", "notion_client.errors.APIResponseError", "Conflict occurred while saving. Please try again."),
     ("@notionhq/client", "APIResponseError", 'request failed: {"code":"conflict_error","message":"Conflict occurred while saving. Please try again."}')),
    ("airtable", "auth.scope-or-model",
     ("pyairtable", "requests.exceptions.HTTPError", "('403 Client Error: Forbidden for url: https://api.airtable.com/v0/appX/T', \"{'type': 'INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND', 'message': 'Invalid permissions, or the requested model was not found. Check that both your user and your token have the required permissions.'}\")"),
     ("airtable", "AirtableError", "Invalid permissions, or the requested model was not found.(INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND)[Http code 403]")),
    ("airtable", "schema-drift.field-missing",
     ("pyairtable", "requests.exceptions.HTTPError", "('422 Client Error: Unprocessable Entity for url: https://api.airtable.com/v0/a/b', \"{'type': 'UNKNOWN_FIELD_NAME', 'message': 'Unknown field name: \\\"Total\\\"'}\")"),
     ("airtable", "AirtableError", 'Unknown field name: "Total"(UNKNOWN_FIELD_NAME)[Http code 422]')),
    ("smartsheet", "conflict.save",
     ("smartsheet", "smartsheet.exceptions.ApiError", '{"result": {"errorCode": 4004, "message": "Request failed because sheetId 4583 is currently being updated by another request that uses the same resource. Please retry your request shortly"}}'),
     ("smartsheet", "Error", "Request failed because sheetId 99 is currently being updated by another request that uses the same resource.")),
    ("dropbox", "auth.token-expired",
     ("dropbox", "dropbox.exceptions.AuthError", "AuthError('11aa', AuthError('expired_access_token', None))"),
     ("dropbox", "DropboxResponseError", 'Response failed with a 401 code: {"error_summary":"expired_access_token/..","error":{".tag":"expired_access_token"}}')),
    ("box", "conflict.name-in-use",
     ("boxsdk", "boxsdk.exception.BoxAPIException", "Message: Item with the same name already exists\nStatus: 409\nCode: item_name_in_use"),
     ("box-node-sdk", "Error", 'Unexpected API Response [409 Conflict | 1a2b] item_name_in_use - Item with the same name already exists')),
    ("google", "config.not-shared",
     ("googleapiclient", "googleapiclient.errors.HttpError", '<HttpError 403 when requesting https://sheets.googleapis.com/v4/spreadsheets/1?alt=json returned "The caller does not have permission". Details: "The caller does not have permission">'),
     ("googleapis", "GaxiosError", "The caller does not have permission")),
    ("google", "config.api-disabled",
     ("googleapiclient", "googleapiclient.errors.HttpError", '<HttpError 403 when requesting https://www.googleapis.com/drive/v3/files returned "Google Drive API has not been used in project 123 before or it is disabled. Enable it by visiting the console.">'),
     ("googleapis", "GaxiosError", "Google Drive API has not been used in project 998877 before or it is disabled.")),
    ("google", "auth.invalid-grant",
     ("google", "google.auth.exceptions.RefreshError", "('invalid_grant: Token has been expired or revoked.', {'error': 'invalid_grant', 'error_description': 'Token has been expired or revoked.'})"),
     ("gaxios", "GaxiosError", "invalid_grant")),
    ("google", "capacity.cell-limit",
     ("gspread", "gspread.exceptions.APIError", "{'code': 400, 'message': 'This action would increase the number of cells in the workbook above the limit of 10000000 cells.', 'status': 'INVALID_ARGUMENT'}"),
     ("google-spreadsheet", "Error", "Google API error - [400] This action would increase the number of cells in the workbook above the limit of 10000000 cells.")),
    ("gemini", "upstream.overloaded",
     ("google/genai", "google.genai.errors.ServerError", "503 UNAVAILABLE. {'error': {'code': 503, 'message': 'The model is overloaded. Please try again later.', 'status': 'UNAVAILABLE'}}"),
     ("@google/generative-ai", "GoogleGenerativeAIFetchError", "[GoogleGenerativeAI Error]: Error fetching: [503 Service Unavailable] The model is overloaded. Please try again later.")),
    ("microsoft", "auth.client-secret-expired",
     ("azure/identity", "azure.core.exceptions.ClientAuthenticationError", "Authentication failed: AADSTS7000222: The provided client secret keys for app '1111' are expired. Trace ID: 2 Correlation ID: 3"),
     ("@azure/msal-node", "ServerError", "invalid_client: 7000222 - AADSTS7000222: The provided client secret keys for app '2222' are expired. Visit the Azure portal to create new keys for your app.")),
    ("microsoft", "auth.client-secret-invalid",
     ("msal", "ValueError", "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID"),
     ("@azure/identity", "AuthenticationError", "invalid_client(401): AADSTS7000215: Invalid client secret provided.")),
    ("microsoft", "auth.scope-missing",
     ("msgraph", "msgraph.generated.models.o_data_errors.o_data_error.ODataError", "APIError Code: 403 error: MainError(code='Authorization_RequestDenied', message='Insufficient privileges to complete the operation.')"),
     ("@microsoft/microsoft-graph-client", "GraphError", "Insufficient privileges to complete the operation.")),
    ("okta", "rate-limit.burst",
     ("okta", "okta.errors.okta_api_error.OktaAPIError", "Okta HTTP 429 E0000047 API call exceeded rate limit due to too many requests."),
     ("@okta/okta-sdk-nodejs", "OktaApiError", "Okta HTTP 429 E0000047 API call exceeded rate limit due to too many requests.. ")),
    ("auth0", "auth.scope-missing",
     ("auth0", "auth0.exceptions.Auth0Error", "403: Insufficient scope, expected any of: read:users"),
     ("auth0", "ManagementApiError", "Insufficient scope, expected any of: update:clients")),
    ("netsuite", "conflict.record-changed",
     ("netsuitesdk", "zeep.exceptions.Fault", "RCRD_HAS_BEEN_CHANGED: Record has been changed"),
     ("netsuite-api-client", "Error", '{"o:errorDetails":[{"detail":"Record has been changed","o:errorCode":"RCRD_HAS_BEEN_CHANGED"}]}')),
    ("quickbooks", "conflict.stale-object",
     ("quickbooks", "quickbooks.exceptions.ValidationException", "QB Validation Exception 5010: Stale Object Error\nStale Object Error : You and Kim were working on this at the same time."),
     ("node-quickbooks", "Error", '{"Fault":{"Error":[{"Message":"Stale Object Error","Detail":"Stale Object Error : You and Ann were working on this at the same time.","code":"5010"}]}}')),
    ("quickbooks", "conflict.duplicate-name",
     ("quickbooks", "quickbooks.exceptions.ValidationException", "QB Validation Exception 6240: Duplicate Name Exists Error\nThe name supplied already exists. : null"),
     ("node-quickbooks", "Error", '{"Fault":{"Error":[{"Message":"Duplicate Name Exists Error","code":"6240"}]}}')),
    ("xero", "conflict.duplicate-invoice",
     ("xero_python", "xero_python.exceptions.http_status_exceptions.AccountingBadRequestException", "400 A validation exception occurred: Invoice # must be unique."),
     ("xero-node", "Error", '{"ErrorNumber":10,"Type":"ValidationException","Elements":[{"ValidationErrors":[{"Message":"Invoice # must be unique."}]}]}')),
    ("servicenow", "customer.business-rule",
     ("pysnow", "pysnow.exceptions.ResponseError", "Error in response. Message: Operation Failed, Details: Operation against file 'incident' was aborted by Business Rule 'Close check^1ab'"),
     ("gr-ms-servicenow", "Error", '{"error":{"message":"Operation Failed","detail":"Operation against file \'task\' was aborted by Business Rule \'Abort^9\'"}}')),
    ("adyen", "conflict.idempotency",
     ("Adyen", "Adyen.exceptions.AdyenAPIInvalidPermission", "AdyenAPIInvalidPermission:{'status': 422, 'errorCode': '704', 'message': 'request already processed or in progress'}"),
     ("@adyen/api-library", "HttpClientException", "HTTP Exception: 422. request already processed or in progress")),
    ("paypal", "payment.not-approved",
     ("paypalhttp", "paypalhttp.http_error.HttpError", '{"name":"UNPROCESSABLE_ENTITY","details":[{"issue":"ORDER_NOT_APPROVED","description":"Payer has not yet approved the Order for payment."}]}'),
     ("@paypal/paypal-server-sdk", "ApiError", "UNPROCESSABLE_ENTITY: Payer has not yet approved the Order for payment. Please redirect the payer")),
    ("square", "conflict.version",
     ("square", "square.core.api_error.ApiError", "status_code: 409, body: {'errors': [{'category': 'INVALID_REQUEST_ERROR', 'code': 'VERSION_MISMATCH', 'detail': 'Object version does not match latest database version.'}]}"),
     ("square", "SquareError", 'Status code: 409\nBody: {"errors":[{"category":"INVALID_REQUEST_ERROR","code":"VERSION_MISMATCH"}]}')),
    ("plaid", "auth.item-login-required",
     ("plaid", "plaid.exceptions.ApiException", '(400)\nReason: Bad Request\nHTTP response body: {"error_code":"ITEM_LOGIN_REQUIRED","error_message":"the login details of this item have changed (credentials, MFA, or required user action) and a user login is required to update this information.","error_type":"ITEM_ERROR"}'),
     ("plaid", "AxiosError", "the login details of this item have changed (credentials, MFA, or required user action)")),
    ("gocardless", "conflict.idempotency",
     ("gocardless_pro", "gocardless_pro.errors.IdempotentCreationConflictError", "A resource has already been created with this idempotency key"),
     ("gocardless-nodejs", "IdempotentCreationConflictError", "A resource has already been created with this idempotency key")),
    ("commercetools", "conflict.version",
     ("commercetools", "commercetools.exceptions.CommercetoolsError", "Object 1a2b has a different version than expected. Expected: 4 - Actual: 5."),
     ("@commercetools/ts-client", "ConcurrentModification", "Object 9f8e has a different version than expected. Expected: 11 - Actual: 12.")),
    ("amazon_sp", "rate-limit.burst",
     ("sp_api", "sp_api.base.exceptions.SellingApiRequestThrottledException", "[{'code': 'QuotaExceeded', 'message': 'You exceeded your quota for the requested resource.', 'details': ''}]"),
     ("amazon-sp-api", "CustomError", "You exceeded your quota for the requested resource.")),
    ("amazon_sp", "auth.access-denied",
     ("sp_api", "sp_api.base.exceptions.SellingApiForbiddenException", "[{'code': 'Unauthorized', 'message': 'Access to requested resource is denied.', 'details': ''}]"),
     ("amazon-sp-api", "CustomError", "Access to requested resource is denied.")),
    ("docusign", "rate-limit.hourly-quota",
     ("docusign_esign", "docusign_esign.client.api_exception.ApiException", '(400)\nReason: Bad Request\nHTTP response body: {"errorCode":"HOURLY_APIINVOCATION_LIMIT_EXCEEDED","message":"The maximum number of hourly API invocations has been exceeded. The hourly limit is 1000."}'),
     ("docusign-esign", "Error", "The maximum number of hourly API invocations has been exceeded. The hourly limit is 3000.")),
    ("vonage", "config.non-whitelisted-destination",
     ("vonage", "vonage_sms.errors.SmsError", "Sms.send_message method failed with error code 29: Non White-listed Destination - rejected"),
     ("@vonage/server-sdk", "MessageSendAllFailure", "Non White-listed Destination - rejected")),
    ("discord", "auth.missing-permissions",
     ("discord", "discord.errors.Forbidden", "403 Forbidden (error code: 50013): Missing Permissions"),
     ("discord.js", "DiscordAPIError", "Missing Permissions")),
    ("telegram", "auth.bot-blocked",
     ("telegram", "telegram.error.Forbidden", "Forbidden: bot was blocked by the user"),
     ("telegraf", "TelegramError", "403: Forbidden: bot was blocked by the user")),
    ("telegram", "conflict.get-updates",
     ("telegram", "telegram.error.Conflict", "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"),
     ("node-telegram-bot-api", "Error", "ETELEGRAM: 409 Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")),
    ("opsgenie", "rate-limit.burst",
     ("opsgenie_sdk", "opsgenie_sdk.rest.ApiException", '(429)\nReason: Too Many Requests\nHTTP response body: {"message":"You are making too many requests! To avoid errors please reduce your rate.","took":0.1}'),
     ("opsgenie-sdk", "Error", "You are making too many requests! To avoid errors please reduce your rate.")),
    ("anthropic", "upstream.overloaded",
     ("anthropic", "anthropic._exceptions.OverloadedError", "Error code: 529 - {'type': 'error', 'error': {'type': 'overloaded_error', 'message': 'Overloaded'}}"),
     ("@anthropic-ai/sdk", "APIError", '529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')),
    ("anthropic", "payload.context-length",
     ("anthropic", "anthropic.BadRequestError", "Error code: 400 - {'type': 'error', 'error': {'type': 'invalid_request_error', 'message': 'prompt is too long: 210000 tokens > 200000 maximum'}}"),
     ("@anthropic-ai/sdk", "BadRequestError", '400 {"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 201223 tokens > 200000 maximum"}}')),
    ("gitlab", "conflict.duplicate",
     ("gitlab", "gitlab.exceptions.GitlabCreateError", "409: Another open merge request already exists for this source branch: !12"),
     ("@gitbeaker/rest", "GitbeakerRequestError", "Another open merge request already exists for this source branch: !40")),
    ("gitlab", "auth.token-expired",
     ("gitlab", "gitlab.exceptions.GitlabAuthenticationError", "401: Token is expired. You can either do re-authorization or token refresh."),
     ("@gitbeaker/rest", "GitbeakerRequestError", "Token is expired. You can either do re-authorization or token refresh.")),
    ("contentful", "conflict.version",
     ("contentful_management", "contentful_management.errors.VersionMismatchError", "HTTP status code: 409\nMessage: Version mismatch error. The version you specified was incorrect."),
     ("contentful-management", "VersionMismatch", '{\n  "status": 409,\n  "statusText": "Conflict",\n  "message": "",\n  "details": {}\n}')),
    ("huggingface", "auth.gated-repo",
     ("huggingface_hub", "huggingface_hub.errors.GatedRepoError", "403 Client Error. (Request ID: Root=1-2)\n\nCannot access gated repo for url https://huggingface.co/acme/m/resolve/main/config.json."),
     ("@huggingface/hub", "HubApiError", "Api error with status 403. Cannot access gated repo")),
    ("sap", "auth.csrf-token",
     ("pyodata", "pyodata.exceptions.HttpError", "HTTP POST for Entity Set Orders failed with status code 403: CSRF token validation failed"),
     ("@sap-cloud-sdk/http-client", "Error", "Request failed: CSRF token validation failed")),
]  # fmt: skip


def in_python(package: str, kind: str, text: str) -> ErrorEvent:
    stack = (
        'Traceback (most recent call last):\n  File "/srv/app/jobs.py", line 7, in load\n    client.call()\n'
        f'  File "/srv/app/.venv/lib/python3.11/site-packages/{package}/client.py", line 4, in call\n    raise error\n{kind}: {text}'
    )
    return ErrorEvent(time="2026-10-01T00:00:00Z", exception_stacktrace=stack)


def in_node(package: str, kind: str, text: str) -> ErrorEvent:
    stack = (
        f"{kind}: {text}\n    at Client.call (/opt/other/node_modules/{package}/dist/index.js:12:7)\n"
        "    at async run (/opt/other/src/sync.js:3:9)"
    )
    return ErrorEvent(time="2026-10-01T00:00:00Z", exception_stacktrace=stack)


@pytest.mark.parametrize(("vendor", "cause", "python", "node"), SAME, ids=[f"{row[0]}-{row[1]}" for row in SAME])
def test_the_clients_of_two_languages_meet_in_one_cause(vendor, cause, python, node):
    for event in (in_python(*python), in_node(*node)):
        found = diagnosis_of(event)
        assert (found.block, dict(found.parts).get("cause")) == (f"error/{vendor}", cause), event.exception_stacktrace


# Two answers with one vendor, one exception type and one status that are two challenges.
APART = [
    ("hubspot", "Reason: Too Many Requests, policyName: DAILY", "Reason: Too Many Requests, policyName: TEN_SECONDLY_ROLLING"),
    ("microsoft", "AADSTS7000222: The provided client secret keys are expired.", "AADSTS7000215: Invalid client secret provided."),
    ("microsoft", "AADSTS65001: The user or administrator has not consented", "AADSTS53003: Access has been blocked by Conditional Access policies."),
    ("sendgrid", "Maximum credits exceeded", "The provided authorization grant is invalid, expired, or revoked"),
    ("sendgrid", "The from address does not match a verified Sender Identity.", "access forbidden"),
    ("shopify", "Exceeded 2 calls per second for api client.", "Query cost is 2003, which exceeds the single query max cost limit (1000)."),
    ("monday", "Complexity budget exhausted, query cost 1", "Concurrency limit exceeded"),
    ("xero", "Invoice # must be unique", "The contact name must be unique across all active contacts."),
    ("quickbooks", "Duplicate Name Exists Error", "Duplicate Document Number Error"),
    ("netsuite", "WS_REQUEST_BLOCKED", "SSS_USAGE_LIMIT_EXCEEDED"),
    ("plaid", "INSTITUTION_DOWN", "ITEM_LOGIN_REQUIRED"),
    ("paypal", "UNPROCESSABLE_ENTITY INSTRUMENT_DECLINED", "UNPROCESSABLE_ENTITY DUPLICATE_INVOICE_ID"),
    ("square", "ACCESS_TOKEN_EXPIRED", "ACCESS_TOKEN_REVOKED"),
    ("docusign", "HOURLY_APIINVOCATION_LIMIT_EXCEEDED", "BURST_APIINVOCATION_LIMIT_EXCEEDED"),
    ("discord", "(error code: 50001): Missing Access", "(error code: 50013): Missing Permissions"),
    ("telegram", "Forbidden: bot was blocked by the user", "Forbidden: user is deactivated"),
    ("gitlab", "Token is expired.", "Token was revoked."),
    ("anthropic", "prompt is too long: 2 tokens", "Your credit balance is too low to access the Anthropic API."),
    ("airtable", "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", "UNKNOWN_FIELD_NAME"),
    ("google", "The caller does not have permission", "Request had insufficient authentication scopes."),
    ("zendesk", "Safe Update prevented update as ticket has been updated", "closed prevents ticket update"),
    ("smartsheet", "Your Access Token has expired.", "Your Access Token is invalid."),
]  # fmt: skip


@pytest.mark.parametrize(("vendor", "one", "other"), APART)
def test_two_answers_of_one_kind_stay_apart(vendor, one, other):
    first, second = cause_of(vendor, (), one), cause_of(vendor, (), other)
    assert first is not None and second is not None
    assert first.name != second.name


def test_two_vendors_that_say_the_same_stay_apart():
    said = "Rate limit exceeded"
    found = {
        diagnosis_of(in_node(package, "Error", said)).block for package in ("asana", "dropbox", "@notionhq/client")
    }
    assert len(found) == 3


@pytest.mark.parametrize(
    "text",
    [
        "rate limit exceeded", "invalid token", "access token has expired", "already exists", "permission denied", "not found",
        "connection refused", "invalid request", "internal server error", "the user does not exist", "validation failed",
        "missing required field", "the file is too large", "could not find the record", "job 12 failed after 3 retries",
    ],
)  # fmt: skip
def test_what_everybody_says_names_no_vendor(text):
    assert told(text) is None


@pytest.mark.parametrize("vendor", VENDORS, ids=[vendor.name for vendor in VENDORS])
def test_a_phrase_that_tells_its_vendor_tells_no_other(vendor):
    for meaning in vendor.meanings:
        for text in meaning.tells:
            found = told(text.replace("*", "x"))
            assert found is not None and found.vendor == vendor.name, (text, found)


def test_a_sentence_nobody_else_says_names_its_vendor_without_any_library():
    found = told("Sync failed: The domain is unverified and requires DNS configuration. Log in to your control panel.")
    assert found is not None and (found.vendor, found.name) == ("mailgun", "config.domain-unverified")


def test_a_vendor_with_one_kind_of_limit_calls_any_limit_so():
    for said in ("rate limited", "429 Too Many Requests"):
        found = cause_of("notion", (), said)
        assert found is not None and found.name == "rate-limit.burst"


@pytest.mark.parametrize(
    "text",
    [
        '{"Error":[{"code":"5010"}]}', '{"Error": [{"code": "5010"}]}', "[{'code': '5010'}]", '{"errorCode":5010}', "{'errorCode': 5010}",
        "QB Validation Exception error 5010", "(error code: 5010)",
    ],
)  # fmt: skip
def test_a_vendors_number_is_a_code_however_it_is_printed(text):
    found = cause_of("quickbooks", (), text)
    assert found is not None and found.name == "conflict.stale-object"


@pytest.mark.parametrize(
    "text", ["after 5010 ms", "order 5010 failed", "https://x.example/5010", '{"id":5010}', '{"code":"50100000"}']
)
def test_a_number_that_is_no_code_means_nothing(text):
    assert cause_of("quickbooks", (), text) is None
