-- What players and people look at beside the stream: storyboard, preview, chosen posters, the
-- file to share, and the playlist of key pictures.

ALTER TABLE media_versions
    -- The storyboard's index as WebVTT; it grows with the chunks.
    ADD COLUMN storyboard    text,
    -- The token of the attempt that made the animated preview: part of its object key.
    ADD COLUMN preview_token bigint,
    -- The file to share, once there is one: part of its object key.
    ADD COLUMN download_id   uuid;

-- The playlist of a rendition's key pictures alone, where it has one.
ALTER TABLE renditions ADD COLUMN keys_playlist text;

-- A poster its creator chose: a moment of the clip, or a picture they sent. Its object lies below
-- the clip's folder under its id and never changes.
CREATE TABLE clip_posters (
    id         uuid PRIMARY KEY,
    clip_id    uuid NOT NULL REFERENCES clips ON DELETE CASCADE,
    -- The moment, milliseconds; none for a picture that was sent.
    at_ms      integer CHECK (at_ms >= 0),
    -- Thumbhash, base64; none while the poster is still to be made.
    thumbhash  text CHECK (length(thumbhash) BETWEEN 1 AND 128),
    created_at timestamptz NOT NULL,
    CHECK (num_nonnulls(at_ms, thumbhash) > 0)
);
CREATE INDEX clip_posters_clip_id_idx ON clip_posters (clip_id);
-- At most one poster of a clip is still to be made: the one chosen last.
CREATE UNIQUE INDEX clip_posters_pending_idx ON clip_posters (clip_id) WHERE thumbhash IS NULL;

ALTER TABLE clips
    -- The chosen poster that is shown; none shows the automatic one.
    ADD COLUMN poster_id      uuid REFERENCES clip_posters ON DELETE SET NULL,
    -- Whether people may take the clip with them as a file.
    ADD COLUMN allow_download boolean NOT NULL DEFAULT false;
