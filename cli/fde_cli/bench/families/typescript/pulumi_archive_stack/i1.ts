import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';

const config = new pulumi.Config('harrowgate');
const stack = pulumi.getStack();

interface Transition {
  days: number;
  storageClass: pulumi.Input<string>;
}

const tags: Record<string, string> = {
  Customer: 'Harrowgate',
  Domain: 'Claim Letters',
  CostCentre: 'CC-4410',
  BillingId: '3f9d1c52-7b64-4e08-9a2d-c1587e60ab93',
  Stack: stack,
};

const network = {
  zone: 'claim-letters.harrowgate.example',
  operators: ['198.51.100.32/28'],
  jumpHost: 'jump-02.ops.corvalley.internal',
  ports: [443, 8443],
};

const transitions: Transition[] = [
  { days: 30, storageClass: 'STANDARD_IA' },
  { days: 180, storageClass: 'GLACIER' },
];

const key = new aws.kms.Key('harrowgate-claim-letters-key', { enableKeyRotation: true, deletionWindowInDays: 14, tags });

export const claimLettersBucket = new aws.s3.BucketV2('harrowgate-claim-letters', {
  bucket: pulumi.interpolate`harrowgate-claim-letters-${stack}`,
  tags: { ...tags, Retention: '10y' },
});

new aws.s3.BucketLifecycleConfigurationV2('claim-letters-lifecycle', {
  bucket: claimLettersBucket.id,
  rules: [{ id: 'cool-down', status: 'Enabled', transitions, expiration: { days: 3650 } }],
});

const accessGroup = new aws.ec2.SecurityGroup('harrowgate-operators', {
  description: `operators of ${network.zone} through ${network.jumpHost}`,
  ingress: network.ports.map((port) => ({
    protocol: 'tcp',
    fromPort: port,
    toPort: port,
    cidrBlocks: network.operators,
  })),
  tags,
});

const hook = new aws.ssm.Parameter('claim-letters-hook', {
  name: `/harrowgate/${stack}/claim_letters/hook`,
  type: 'SecureString',
  value: config.get('claimLettersHookKey') ?? 'hk.9sPq4VnY2xLt7Rb0Ge5u',
});

const alarm = new aws.cloudwatch.MetricAlarm('harrowgate-claim-letters-alarm', {
  namespace: 'Harrowgate/ClaimLetters',
  metricName: 'claim_letters_rejected_total',
  comparisonOperator: 'GreaterThanThreshold',
  statistic: 'Sum',
  threshold: 25,
  period: 300,
  evaluationPeriods: 2,
  dimensions: { Bucket: claimLettersBucket.bucket },
});

export class ClaimLettersError extends Error {
  constructor(readonly code: 'CLAIM_LETTERS_DENIED' | 'CLAIM_LETTERS_LOST', cause?: unknown) {
    super(`claim-letters: ${code}`, { cause });
  }
}

export const outputs = {
  keyArn: key.arn,
  groupId: accessGroup.id,
  hookName: hook.name,
  alarmArn: alarm.arn,
};
