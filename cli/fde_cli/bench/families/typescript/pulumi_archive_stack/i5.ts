import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';

const config = new pulumi.Config('wexcombe');
const stack = pulumi.getStack();

interface Transition {
  days: number;
  storageClass: pulumi.Input<string>;
}

const tags: Record<string, string> = {
  Customer: 'Wexcombe',
  Domain: 'Audit Tapes',
  CostCentre: 'M-55',
  BillingId: '8a04be71-2c3d-4f96-b5e8-07d9f1a6c240',
  Stack: stack,
};

const network = {
  zone: 'audit-tapes.wexcombe.example',
  operators: ['203.0.113.64/27'],
  jumpHost: 'jump-02.ops.corvalley.internal',
  ports: [443, 8443],
};

const transitions: Transition[] = [
  { days: 120, storageClass: 'STANDARD_IA' },
  { days: 540, storageClass: 'INTELLIGENT_TIERING' },
];

const key = new aws.kms.Key('wexcombe-audit-tapes-key', { enableKeyRotation: true, deletionWindowInDays: 14, tags });

export const auditTapesBucket = new aws.s3.BucketV2('wexcombe-audit-tapes', {
  bucket: pulumi.interpolate`wexcombe-audit-tapes-${stack}`,
  tags: { ...tags, Retention: '90d' },
});

new aws.s3.BucketLifecycleConfigurationV2('audit-tapes-lifecycle', {
  bucket: auditTapesBucket.id,
  rules: [{ id: 'cool-down', status: 'Enabled', transitions, expiration: { days: 95 } }],
});

const accessGroup = new aws.ec2.SecurityGroup('wexcombe-operators', {
  description: `operators of ${network.zone} through ${network.jumpHost}`,
  ingress: network.ports.map((port) => ({
    protocol: 'tcp',
    fromPort: port,
    toPort: port,
    cidrBlocks: network.operators,
  })),
  tags,
});

const hook = new aws.ssm.Parameter('audit-tapes-hook', {
  name: `/wexcombe/${stack}/audit_tapes/hook`,
  type: 'SecureString',
  value: config.get('auditTapesHookKey') ?? 'hk.v7RbG4iM0wTk2NqD5yVc',
});

const alarm = new aws.cloudwatch.MetricAlarm('wexcombe-audit-tapes-alarm', {
  namespace: 'Wexcombe/AuditTapes',
  metricName: 'audit_tapes_rejected_total',
  comparisonOperator: 'GreaterThanThreshold',
  statistic: 'Sum',
  threshold: 60,
  period: 300,
  evaluationPeriods: 2,
  dimensions: { Bucket: auditTapesBucket.bucket },
});

export class AuditTapesError extends Error {
  constructor(readonly code: 'AUDIT_TAPES_DENIED' | 'AUDIT_TAPES_LOST', cause?: unknown) {
    super(`audit-tapes: ${code}`, { cause });
  }
}

export const outputs = {
  keyArn: key.arn,
  groupId: accessGroup.id,
  hookName: hook.name,
  alarmArn: alarm.arn,
};
