#!/bin/bash
set -euo pipefail
export DB_HOST="sql.quillbooks.example"
here="$(cd "$(dirname "$0")" && pwd)"
for part in 1 2; do
  fetch --host "$DB_HOST" --table titles --retries 4 | gzip > "$here/titles.gz"
done
aws s3 cp "$here/titles.gz" s3://quill-drop/in/ --region eu-central-1
