import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';

const config = new pulumi.Config('osprema');
const stack = pulumi.getStack();

interface Transition {
  days: number;
  storageClass: pulumi.Input<string>;
}

const tags: Record<string, string> = {
  Customer: 'Osprema',
  Domain: 'Xray Studies',
  CostCentre: '7781',
  BillingId: '3f9d1c52-7b64-4e08-9a2d-c1587e60ab93',
  Stack: stack,
};

const network = {
  zone: 'xray-studies.osprema.example',
  operators: ['198.51.100.32/28'],
  jumpHost: 'jump-02.ops.corvalley.internal',
  ports: [443, 8443],
};

const transitions: Transition[] = [
  { days: 60, storageClass: 'STANDARD_IA' },
  { days: 90, storageClass: 'GLACIER' },
];

const key = new aws.kms.Key('osprema-xray-studies-key', { enableKeyRotation: true, deletionWindowInDays: 14, tags });

export const xrayStudiesBucket = new aws.s3.BucketV2('osprema-xray-studies', {
  bucket: pulumi.interpolate`osprema-xray-studies-${stack}`,
  tags: { ...tags, Retention: '36mo' },
});

new aws.s3.BucketLifecycleConfigurationV2('xray-studies-lifecycle', {
  bucket: xrayStudiesBucket.id,
  rules: [{ id: 'cool-down', status: 'Enabled', transitions, expiration: { days: 1095 } }],
});

const accessGroup = new aws.ec2.SecurityGroup('osprema-operators', {
  description: `operators of ${network.zone} through ${network.jumpHost}`,
  ingress: network.ports.map((port) => ({
    protocol: 'tcp',
    fromPort: port,
    toPort: port,
    cidrBlocks: network.operators,
  })),
  tags,
});

const hook = new aws.ssm.Parameter('xray-studies-hook', {
  name: `/osprema/${stack}/xray_studies/hook`,
  type: 'SecureString',
  value: config.get('xrayStudiesHookKey') ?? 'hk.2eXs5NvB7pQr4KgW0lDm',
});

const alarm = new aws.cloudwatch.MetricAlarm('osprema-xray-studies-alarm', {
  namespace: 'Osprema/XrayStudies',
  metricName: 'xray_studies_rejected_total',
  comparisonOperator: 'GreaterThanThreshold',
  statistic: 'Sum',
  threshold: 100,
  period: 300,
  evaluationPeriods: 2,
  dimensions: { Bucket: xrayStudiesBucket.bucket },
});

export class XrayStudiesError extends Error {
  constructor(readonly code: 'XRAY_STUDIES_DENIED' | 'XRAY_STUDIES_LOST', cause?: unknown) {
    super(`xray-studies: ${code}`, { cause });
  }
}

export const outputs = {
  keyArn: key.arn,
  groupId: accessGroup.id,
  hookName: hook.name,
  alarmArn: alarm.arn,
};
