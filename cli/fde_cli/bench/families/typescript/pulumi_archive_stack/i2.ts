import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';

const config = new pulumi.Config('lindqvist');
const stack = pulumi.getStack();

interface Transition {
  days: number;
  storageClass: pulumi.Input<string>;
}

const tags: Record<string, string> = {
  Customer: 'Lindqvist',
  Domain: 'Building Permits',
  CostCentre: 'K-90021',
  BillingId: '3f9d1c52-7b64-4e08-9a2d-c1587e60ab93',
  Stack: stack,
};

const network = {
  zone: 'building-permits.lindqvist.example',
  operators: ['198.51.100.32/28'],
  jumpHost: 'jump-02.ops.corvalley.internal',
  ports: [443, 8443],
};

const transitions: Transition[] = [
  { days: 45, storageClass: 'STANDARD_IA' },
  { days: 365, storageClass: 'DEEP_ARCHIVE' },
];

const key = new aws.kms.Key('lindqvist-building-permits-key', { enableKeyRotation: true, deletionWindowInDays: 14, tags });

export const buildingPermitsBucket = new aws.s3.BucketV2('lindqvist-building-permits', {
  bucket: pulumi.interpolate`lindqvist-building-permits-${stack}`,
  tags: { ...tags, Retention: '400d' },
});

new aws.s3.BucketLifecycleConfigurationV2('building-permits-lifecycle', {
  bucket: buildingPermitsBucket.id,
  rules: [{ id: 'cool-down', status: 'Enabled', transitions, expiration: { days: 420 } }],
});

const accessGroup = new aws.ec2.SecurityGroup('lindqvist-operators', {
  description: `operators of ${network.zone} through ${network.jumpHost}`,
  ingress: network.ports.map((port) => ({
    protocol: 'tcp',
    fromPort: port,
    toPort: port,
    cidrBlocks: network.operators,
  })),
  tags,
});

const hook = new aws.ssm.Parameter('building-permits-hook', {
  name: `/lindqvist/${stack}/building_permits/hook`,
  type: 'SecureString',
  value: config.get('buildingPermitsHookKey') ?? 'hk.Jd8Mw1Zc6FoA3kUi9TyH',
});

const alarm = new aws.cloudwatch.MetricAlarm('lindqvist-building-permits-alarm', {
  namespace: 'Lindqvist/BuildingPermits',
  metricName: 'building_permits_rejected_total',
  comparisonOperator: 'GreaterThanThreshold',
  statistic: 'Sum',
  threshold: 5,
  period: 300,
  evaluationPeriods: 2,
  dimensions: { Bucket: buildingPermitsBucket.bucket },
});

export class BuildingPermitsError extends Error {
  constructor(readonly code: 'BUILDING_PERMITS_DENIED' | 'BUILDING_PERMITS_LOST', cause?: unknown) {
    super(`building-permits: ${code}`, { cause });
  }
}

export const outputs = {
  keyArn: key.arn,
  groupId: accessGroup.id,
  hookName: hook.name,
  alarmArn: alarm.arn,
};
