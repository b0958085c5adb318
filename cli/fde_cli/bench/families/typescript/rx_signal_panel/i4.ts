import { createElement as h, useEffect, useState, type FC, type ReactElement } from 'react';
import { EMPTY, Observable, bufferTime, catchError, filter, map, retry, scan } from 'rxjs';
import { webSocket } from 'rxjs/webSocket';

export type Channel =
    | 'rinse-ph'
    | 'tank-volume'
    | 'pump-speed'
    | 'drag-out'
    | 'final-conductivity'
    | 'unknown';

export interface Reading {
    channel: Channel;
    at: number;
    value: number;
}

export interface RinseLinePanelProps {
    readonly title?: string;
    readonly channels?: readonly Channel[];
    readonly onAlarm?: (reading: Reading) => void;
}

const HOST = 'signals.pollardine.internal';
const WINDOW_MS = 5000;
const DEFAULT_CHANNELS: readonly Channel[] = ['rinse-ph', 'tank-volume', 'pump-speed', 'drag-out', 'final-conductivity'];

const LABELS: Partial<Record<Channel, string>> = {
    'rinse-ph': 'Rinse ph',
    'tank-volume': 'Tank volume',
    'pump-speed': 'Pump speed',
    'drag-out': 'Drag out',
    'final-conductivity': 'Final conductivity',
};

function parseChannel(raw: string): Channel {
    switch (raw.toUpperCase()) {
        case 'RINSE_PH':
            return 'rinse-ph';
        case 'TANK_VOLUME':
            return 'tank-volume';
        case 'PUMP_SPEED':
            return 'pump-speed';
        case 'DRAG_OUT':
            return 'drag-out';
        case 'FINAL_CONDUCTIVITY':
            return 'final-conductivity';
        default:
            return 'unknown';
    }
}

function source(): Observable<Reading[]> {
    return webSocket<Reading>({ url: `wss://${HOST}/live`, protocol: 'readings.v1' }).pipe(bufferTime(WINDOW_MS));
}

export function rinseLineReadings(limit = 900): Observable<Reading[]> {
    return source().pipe(
        map((batch) => batch.map((reading) => ({ ...reading, channel: parseChannel(reading.channel) }))),
        filter((batch) => batch.length > 0),
        scan((kept: Reading[], batch) => [...kept, ...batch].slice(-limit), []),
        retry({ count: 3, delay: 1000 }),
        catchError(() => EMPTY),
    );
}

export const RinseLinePanel: FC<RinseLinePanelProps> = ({ title = 'Rinse line', channels = DEFAULT_CHANNELS, onAlarm }): ReactElement => {
    const [readings, setReadings] = useState<Reading[]>([]);
    useEffect(() => {
        const subscription = rinseLineReadings().subscribe((next) => {
            setReadings(next);
            next.filter((reading) => reading.value > 9.5).forEach((reading) => onAlarm?.(reading));
        });
        return () => subscription.unsubscribe();
    }, [onAlarm]);
    const shown = readings.filter((reading) => channels.includes(reading.channel));
    return h(
        'section',
        { className: 'rinse-line-panel', 'data-count': shown.length },
        h('h2', null, title),
        h('ol', null, shown.map((reading) => h('li', { key: `${reading.channel}-${reading.at}` }, LABELS[reading.channel], ' ', reading.value))),
    );
};
