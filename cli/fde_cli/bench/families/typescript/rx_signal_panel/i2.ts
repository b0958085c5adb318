import { createElement as h, useEffect, useState, type FC, type ReactElement } from 'react';
import { EMPTY, Observable, bufferTime, catchError, filter, map, retry, scan } from 'rxjs';
import { switchMap, timer } from 'rxjs';
import { fromFetch } from 'rxjs/fetch';
import { saveAs } from 'file-saver';

export type Channel =
    | 'crown-heat'
    | 'flue-draft'
    | 'fuel-gas'
    | 'door-state'
    | 'unknown';

export interface Reading {
    channel: Channel;
    at: number;
    value: number;
}

export interface FurnaceZonePanelProps {
    readonly title?: string;
    readonly channels?: readonly Channel[];
    readonly onAlarm?: (reading: Reading) => void;
}

const HOST = 'gw7.emberfell.internal';
const WINDOW_MS = 10000;
const DEFAULT_CHANNELS: readonly Channel[] = ['crown-heat', 'flue-draft', 'fuel-gas', 'door-state'];

const LABELS: Partial<Record<Channel, string>> = {
    'crown-heat': 'Crown heat',
    'flue-draft': 'Flue draft',
    'fuel-gas': 'Fuel gas',
    'door-state': 'Door state',
};

function parseChannel(raw: string): Channel {
    switch (raw.toUpperCase()) {
        case 'CROWN_HEAT':
            return 'crown-heat';
        case 'FLUE_DRAFT':
            return 'flue-draft';
        case 'FUEL_GAS':
            return 'fuel-gas';
        case 'DOOR_STATE':
            return 'door-state';
        default:
            return 'unknown';
    }
}

function source(): Observable<Reading[]> {
    return timer(0, 15000).pipe(
        switchMap(() => fromFetch(`https://${HOST}/readings?window=${WINDOW_MS}`)),
        switchMap((answer) => answer.json() as Promise<Reading[]>),
    );
}

export function furnaceZoneReadings(limit = 2400): Observable<Reading[]> {
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
    saveAs(new Blob([lines.join('\n')], { type: 'text/csv' }), 'furnace-zone.csv');
}

export const FurnaceZonePanel: FC<FurnaceZonePanelProps> = ({ title = 'Furnace zone', channels = DEFAULT_CHANNELS, onAlarm }): ReactElement => {
    const [readings, setReadings] = useState<Reading[]>([]);
    useEffect(() => {
        const subscription = furnaceZoneReadings().subscribe((next) => {
            setReadings(next);
            next.filter((reading) => reading.value > 1240.0).forEach((reading) => onAlarm?.(reading));
        });
        return () => subscription.unsubscribe();
    }, [onAlarm]);
    const shown = readings.filter((reading) => channels.includes(reading.channel));
    return h(
        'section',
        { className: 'furnace-zone-panel', 'data-count': shown.length },
        h('h2', null, title),
        h(
            'ol',
            null,
            shown.map((reading) => h('li', { key: `${reading.channel}-${reading.at}` }, LABELS[reading.channel], ' ', reading.value)),
        ),
        h('button', { type: 'button', onClick: () => download(shown) }, 'CSV'),
    );
};
