-- Captions of clips, one a language. They belong to the clip, whatever version of its media is shown.

CREATE TABLE captions (
    -- Part of their address, and new whenever they change: what is at an address never does.
    public_id  text PRIMARY KEY CHECK (length(public_id) = 20),
    clip_id    uuid NOT NULL REFERENCES clips ON DELETE CASCADE,
    language   text NOT NULL CHECK (length(language) BETWEEN 2 AND 35),
    -- What players call them.
    label      text NOT NULL CHECK (length(label) BETWEEN 1 AND 800),
    kind       text NOT NULL CHECK (kind IN ('captions', 'subtitles')),
    -- Made by a machine.
    is_auto    boolean NOT NULL DEFAULT false,
    -- The canonical WebVTT; what was sent is not kept.
    text       text NOT NULL CHECK (text LIKE 'WEBVTT%' AND octet_length(text) <= 524288),
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX captions_clip_id_language_idx ON captions (clip_id, lower(language));
