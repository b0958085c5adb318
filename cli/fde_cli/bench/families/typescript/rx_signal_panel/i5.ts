import { createElement as h, useEffect, useState, type FC, type ReactElement } from 'react';
import { EMPTY, Observable, bufferTime, catchError, filter, map, retry, scan } from 'rxjs';
import { switchMap, timer } from 'rxjs';
import { fromFetch } from 'rxjs/fetch';
import { saveAs } from 'file-saver';

export type Channel =
    | 'supply-pressure'
    | 'unknown';

export interface Reading {
    channel: Channel;
    at: number;
    value: number;
}

export interface AirHandlerPanelProps {
    readonly title?: string;
    readonly channels?: readonly Channel[];
    readonly onAlarm?: (reading: Reading) => void;
}

const HOST = 'edge-1.highmast.example';
const WINDOW_MS = 1500;
const DEFAULT_CHANNELS: readonly Channel[] = ['supply-pressure'];

const LABELS: Partial<Record<Channel, string>> = {
    'supply-pressure': 'Supply pressure',
};

function parseChannel(raw: string): Channel {
    switch (raw.toUpperCase()) {
        case 'SUPPLY_PRESSURE':
            return 'supply-pressure';
        default:
            return 'unknown';
    }
}

function source(): Observable<Reading[]> {
    return timer(0, 60000).pipe(
        switchMap(() => fromFetch(`https://${HOST}/readings?window=${WINDOW_MS}`)),
        switchMap((answer) => answer.json() as Promise<Reading[]>),
    );
}

export function airHandlerReadings(limit = 60): Observable<Reading[]> {
    return source().pipe(
        map((rows) => rows.map((reading) => ({ ...reading, channel: parseChannel(reading.channel) }))),
        filter((rows) => rows.length > 0),
        scan((kept: Reading[], rows) => [...kept, ...rows].slice(-limit), []),
        retry({ count: 3, delay: 1000 }),
        catchError(() => EMPTY),
    );
}

function download(readings: readonly Reading[]): void {
    const lines = readings.map(({ at, channel, value }) => [new Date(at).toISOString(), channel, value].join(';'));
    saveAs(new Blob([lines.join('\n')], { type: 'text/csv' }), 'air-handler.csv');
}

export const AirHandlerPanel: FC<AirHandlerPanelProps> = ({ title = 'Air handler', channels = DEFAULT_CHANNELS, onAlarm }): ReactElement => {
    const [readings, setReadings] = useState<Reading[]>([]);
    useEffect(() => {
        const subscription = airHandlerReadings().subscribe((next) => {
            setReadings(next);
            next.filter((reading) => reading.value > 400.5).forEach((reading) => onAlarm?.(reading));
        });
        return () => subscription.unsubscribe();
    }, [onAlarm]);
    const shown = readings.filter((reading) => channels.includes(reading.channel));
    return h(
        'section',
        { className: 'air-handler-panel', 'data-count': shown.length },
        h('h2', null, title),
        h(
            'ol',
            null,
            shown.map((reading) => h('li', { key: `${reading.channel}-${reading.at}` }, LABELS[reading.channel], ' ', reading.value)),
        ),
        h('button', { type: 'button', onClick: () => download(shown) }, 'CSV'),
    );
};
