import { createElement as h, useEffect, useState, type FC, type ReactElement } from 'react';
import { EMPTY, Observable, bufferTime, catchError, filter, map, retry, scan } from 'rxjs';
import { webSocket } from 'rxjs/webSocket';
import { saveAs } from 'file-saver';

export type Channel =
    | 'flow-rate'
    | 'inlet-temp'
    | 'unknown';

export interface Reading {
    channel: Channel;
    at: number;
    value: number;
}

export interface BrineLoopPanelProps {
    readonly title?: string;
    readonly channels?: readonly Channel[];
    readonly onAlarm?: (reading: Reading) => void;
}

const HOST = 'telemetry.saltwick.example';
const WINDOW_MS = 2000;
const DEFAULT_CHANNELS: readonly Channel[] = ['flow-rate', 'inlet-temp'];

const LABELS: Partial<Record<Channel, string>> = {
    'flow-rate': 'Flow rate',
    'inlet-temp': 'Inlet temp',
};

function parseChannel(raw: string): Channel {
    switch (raw.toUpperCase()) {
        case 'FLOW_RATE':
            return 'flow-rate';
        case 'INLET_TEMP':
            return 'inlet-temp';
        default:
            return 'unknown';
    }
}

function source(): Observable<Reading[]> {
    return webSocket<Reading>({ url: `wss://${HOST}/live`, protocol: 'readings.v1' }).pipe(bufferTime(WINDOW_MS));
}

export function brineLoopReadings(limit = 500): Observable<Reading[]> {
    return source().pipe(
        map((batch) => batch.map((reading) => ({ ...reading, channel: parseChannel(reading.channel) }))),
        filter((batch) => batch.length > 0),
        scan((kept: Reading[], batch) => [...kept, ...batch].slice(-limit), []),
        retry({ count: 3, delay: 1000 }),
        catchError(() => EMPTY),
    );
}

function download(readings: readonly Reading[]): void {
    const lines = readings.map(({ at, channel, value }) => [new Date(at).toISOString(), channel, value].join(';'));
    saveAs(new Blob([lines.join('\n')], { type: 'text/csv' }), 'brine-loop.csv');
}

export const BrineLoopPanel: FC<BrineLoopPanelProps> = ({ title = 'Brine loop', channels = DEFAULT_CHANNELS, onAlarm }): ReactElement => {
    const [readings, setReadings] = useState<Reading[]>([]);
    useEffect(() => {
        const subscription = brineLoopReadings().subscribe((next) => {
            setReadings(next);
            next.filter((reading) => reading.value > 87.5).forEach((reading) => onAlarm?.(reading));
        });
        return () => subscription.unsubscribe();
    }, [onAlarm]);
    const shown = readings.filter((reading) => channels.includes(reading.channel));
    return h(
        'section',
        { className: 'brine-loop-panel', 'data-count': shown.length },
        h('h2', null, title),
        h('ol', null, shown.map((reading) => h('li', { key: `${reading.channel}-${reading.at}` }, LABELS[reading.channel], ' ', reading.value))),
        h('button', { type: 'button', onClick: () => download(shown) }, 'CSV'),
    );
};
