import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';

const config = new pulumi.Config('dellamorte');
const stack = pulumi.getStack();

interface Transition {
  days: number;
  storageClass: pulumi.Input<string>;
}

const tags: Record<string, string> = {
  Customer: 'Dellamorte',
  Domain: 'Loan Files',
  CostCentre: 'CC-0093',
  BillingId: '3f9d1c52-7b64-4e08-9a2d-c1587e60ab93',
  Stack: stack,
};

const network = {
  zone: 'loan-files.dellamorte.example',
  operators: ['198.51.100.32/28'],
  jumpHost: 'jump-03.ops.corvalley.internal',
  ports: [443, 8443],
};

const transitions: Transition[] = [
  { days: 35, storageClass: 'STANDARD_IA' },
  { days: 200, storageClass: 'GLACIER_IR' },
];

const key = new aws.kms.Key('dellamorte-loan-files-key', { enableKeyRotation: true, deletionWindowInDays: 14, tags });

export const loanFilesBucket = new aws.s3.BucketV2('dellamorte-loan-files', {
  bucket: pulumi.interpolate`dellamorte-loan-files-${stack}`,
  tags: { ...tags, Retention: '7y' },
});

new aws.s3.BucketLifecycleConfigurationV2('loan-files-lifecycle', {
  bucket: loanFilesBucket.id,
  rules: [{ id: 'cool-down', status: 'Enabled', transitions, expiration: { days: 2555 } }],
});

const accessGroup = new aws.ec2.SecurityGroup('dellamorte-operators', {
  description: `operators of ${network.zone} through ${network.jumpHost}`,
  ingress: network.ports.map((port) => ({
    protocol: 'tcp',
    fromPort: port,
    toPort: port,
    cidrBlocks: network.operators,
  })),
  tags,
});

const hook = new aws.ssm.Parameter('loan-files-hook', {
  name: `/dellamorte/${stack}/loan_files/hook`,
  type: 'SecureString',
  value: config.get('loanFilesHookKey') ?? 'hk.Ou6Yt3Ca9JzE1hLf8SxP',
});

const alarm = new aws.cloudwatch.MetricAlarm('dellamorte-loan-files-alarm', {
  namespace: 'Dellamorte/LoanFiles',
  metricName: 'loan_files_rejected_total',
  comparisonOperator: 'GreaterThanThreshold',
  statistic: 'Sum',
  threshold: 12,
  period: 300,
  evaluationPeriods: 2,
  dimensions: { Bucket: loanFilesBucket.bucket },
});

export class LoanFilesError extends Error {
  constructor(readonly code: 'LOAN_FILES_DENIED' | 'LOAN_FILES_LOST', cause?: unknown) {
    super(`loan-files: ${code}`, { cause });
  }
}

export const outputs = {
  keyArn: key.arn,
  groupId: accessGroup.id,
  hookName: hook.name,
  alarmArn: alarm.arn,
};
