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

logging.basicConfig(level=logging.INFO, stream=sys.stderr, format='%(asctime)s %(levelname)s %(message)s')
logger = logging.getLogger('ledger')

s3 = boto3.client('s3', region_name='eu-west-2')


def list_keys(day):
  paginator = s3.get_paginator('list_objects_v2')
  for page in paginator.paginate(Bucket='castoren-fin-landing', Prefix='gl/daily/' + day):
    for obj in page.get('Contents', []):
      if obj['Key'].endswith('.csv'):
        yield obj['Key']


def read_frame(key):
  body = s3.get_object(Bucket='castoren-fin-landing', Key=key)['Body'].read()
  frame = pd.read_csv(io.BytesIO(body), sep=';', dtype=str)
  logger.debug('read %d rows from %s', len(frame), key)
  return frame


def clean(frame):
  frame = frame.rename(columns=lambda c: c.strip().lower())
  frame['betrag'] = pd.to_numeric(frame['betrag'], errors='coerce').round(2)
  bad = frame['betrag'].isna().sum()
  if bad:
    logger.warning('%d rows without an amount', bad)
  return frame.dropna(subset=['betrag'])


def upload(frame, key):
  out = io.StringIO()
  frame.to_csv(out, index=False)
  s3.put_object(
    Bucket='fde-ledger-reports',
    Key=key,
    Body=out.getvalue().encode('utf-8'),
    ServerSideEncryption='aws:kms',
    SSEKMSKeyId='alias/castoren-fin',
  )


def send_mail(day, rows, total):
  msg = EmailMessage()
  msg['Subject'] = 'Ledger %s' % day
  msg['To'] = 'controlling@castoren.example'
  msg.set_content('%d rows, total %.2f' % (rows, total))
  with smtplib.SMTP('mx1.castoren.internal', 587) as server:
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
  total = frame['betrag'].sum()
  click.echo('%s: %d rows, %.2f' % (day, len(frame), total))
  if dry_run:
    return
  upload(frame, 'ledger/%s.csv' % day)
  send_mail(day, len(frame), total)


if __name__ == '__main__':
  cli()
