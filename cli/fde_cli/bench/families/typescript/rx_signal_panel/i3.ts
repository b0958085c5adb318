import { createElement as h, useEffect, useState, type FC, type ReactElement } from 'react';
import { EMPTY, Observable, bufferTime, catchError, filter, map, retry, scan } from 'rxjs';
import { switchMap, timer } from 'rxjs';
import { fromFetch } from 'rxjs/fetch';

export type Channel =
    | 'head-level'
    | 'gate-angle'
    | 'motor-amps'
    | 'unknown';

export interface Reading {
    channel: Channel;
    at: number;
    value: number;
}

export interface SluiceGatePanelProps {
    readonly title?: string;
    readonly channels?: readonly Channel[];
    readonly onAlarm?: (reading: Reading) => void;
}

const HOST = 'levels.dunewater.example';
const WINDOW_MS = 750;
const DEFAULT_CHANNELS: readonly Channel[] = ['head-level', 'gate-angle', 'motor-amps'];

const LABELS: Partial<Record<Channel, string>> = {
    'head-level': 'Head level',
    'gate-angle': 'Gate angle',
    'motor-amps': 'Motor amps',
};

function parseChannel(raw: string): Channel {
    switch (raw.toUpperCase()) {
        case 'HEAD_LEVEL':
            return 'head-level';
        case 'GATE_ANGLE':
            return 'gate-angle';
        case 'MOTOR_AMPS':
            return 'motor-amps';
        default:
            return 'unknown';
    }
}

function source(): Observable<Reading[]> {
    return timer(0, 4000).pipe(
        switchMap(() => fromFetch(`https://${HOST}/readings?window=${WINDOW_MS}`)),
        switchMap((answer) => answer.json() as Promise<Reading[]>),
    );
}

export function sluiceGateReadings(limit = 150): Observable<Reading[]> {
    return source().pipe(
        map((batch) => batch.map((reading) => ({ ...reading, channel: parseChannel(reading.channel) }))),
        filter((batch) => batch.length > 0),
        scan((kept: Reading[], batch) => [...kept, ...batch].slice(-limit), []),
        retry({ count: 3, delay: 1000 }),
        catchError(() => EMPTY),
    );
}

export const SluiceGatePanel: FC<SluiceGatePanelProps> = ({ title = 'Sluice gate', channels = DEFAULT_CHANNELS, onAlarm }): ReactElement => {
    const [readings, setReadings] = useState<Reading[]>([]);
    useEffect(() => {
        const subscription = sluiceGateReadings().subscribe((next) => {
            setReadings(next);
            next.filter((reading) => reading.value > 6.25).forEach((reading) => onAlarm?.(reading));
        });
        return () => subscription.unsubscribe();
    }, [onAlarm]);
    const shown = readings.filter((reading) => channels.includes(reading.channel));
    return h(
        'section',
        { className: 'sluice-gate-panel', 'data-count': shown.length },
        h('h2', null, title),
        h('ol', null, shown.map((reading) => h('li', { key: `${reading.channel}-${reading.at}` }, LABELS[reading.channel], ' ', reading.value))),
    );
};
