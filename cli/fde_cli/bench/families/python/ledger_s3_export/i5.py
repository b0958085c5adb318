#!/usr/bin/env python
# Export the general ledger: S3 -> pandas -> S3, and mail a summary.

import io
import logging
import smtplib
import sys
from email.message import EmailMessage

import boto3
import click
import pandas as pd

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format='%(asctime)s %(levelname)s %(message)s')
logger = logging.getLogger('ledger')

s3 = boto3.client('s3', region_name='ap-south-1')


def list_keys(day):
  paginator = s3.get_paginator('list_objects_v2')
  for page in paginator.paginate(Bucket='morvenna-acct', Prefix='drop/books/' + day):
    for obj in page.get('Contents', []):
      if obj['Key'].endswith('.csv'):
        yield obj['Key']


def read_frame(key):
  body = s3.get_object(Bucket='morvenna-acct', Key=key)['Body'].read()
  frame = pd.read_csv(io.BytesIO(body), sep=':', dtype=str)
  logger.debug('read %d rows from %s', len(frame), key)
  return frame


def clean(frame):
  frame = frame.rename(columns=lambda c: c.strip().lower())
  frame['valor'] = pd.to_numeric(frame['valor'], errors='coerce').round(6)
  bad = frame['valor'].isna().sum()
  if bad:
    logger.warning('%d rows without an amount', bad)
  return frame.dropna(subset=['valor'])


def upload(frame, key):
  out = io.StringIO()
  frame.to_csv(out, index=False)
  s3.put_object(
    Bucket='fde-ledger-reports',
    Key=key,
    Body=out.getvalue().encode('utf-8'),
    ServerSideEncryption='aws:kms',
    SSEKMSKeyId='alias/mvn.books',
  )


def send_mail(day, rows, total):
  msg = EmailMessage()
  msg['Subject'] = 'Ledger %s' % day
  msg['To'] = 'libros@morvenna.example'
  msg.set_content('%d rows, total %.2f' % (rows, total))
  with smtplib.SMTP('post.morvenna.internal', 587) as server:
    server.starttls()
    server.send_message(msg)


@click.group()
def cli():
  """Ledger tools."""


@cli.command()
@click.argument('day')
@click.option('--dry-run', is_flag=True, help='Do not upload anything.')
def export(day, dry_run):
  """Export one DAY (YYYY-MM-DD)."""
  frames = [clean(read_frame(k)) for k in list_keys(day)]
  if not frames:
    raise click.ClickException('nothing found for %s' % day)
  frame = pd.concat(frames, ignore_index=True)
  total = frame['valor'].sum()
  click.echo('%s: %d rows, %.2f' % (day, len(frame), total))
  if dry_run:
    return
  upload(frame, 'ledger/%s.csv' % day)
  send_mail(day, len(frame), total)


if __name__ == '__main__':
  cli()
