// Shapes of replies that several views read (GET /api/v1/openapi.json has them whole).
export interface Words { en?: string; 'zh-TW'?: string; zh?: string }

export interface Clock {
  id: string; title: Words; who: string; start: string | null; due: string | null; stop: string | null; verdict: 'running' | 'met' | 'breached' | 'void';
  breached_at: string | null; level: number; seconds_left?: number; source: string;
}

export interface IncidentRow {
  id: string; number: string; title: string; packs: string; exercise: boolean; opened: string; changed: string; facts: number; open: boolean; state: string;
  level: number | null; due: string | null;
}

export interface IncidentView extends IncidentRow {
  views: { pack: string; state: string; subject: string; level: Record<string, number | null>; clocks: Clock[] }[];
  problems: { line: number; fact: string; why: string; counted: boolean }[];
  merged: { id: string; number?: string }[]; merged_into: { id: string; number?: string }[];
  alarms: { clock: string; percent: number; due?: string; at: string }[];
}

export interface Fact { id: string; at: string; by: string; type: string; claimed?: string; withheld?: string; [more: string]: unknown }

export interface TicketRow {
  number: string; row: number; state: string; title: string; level: string; host: string; hits: number; start: string; end: string; opened: string; tlp: string;
  assignee: string; disposition: string; input: string; impact: number;
}
