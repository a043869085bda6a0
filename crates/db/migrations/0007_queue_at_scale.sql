-- The queue reads a bounded number of rows however long it is, and no version that is shown is ever made anew in place.

DROP INDEX jobs_available_idx;
-- The front of a rank; the first of each owner in a rank; what has waited the longest. Media count in classes: shorter
-- ones first, and of one class the longest wait. Indexes of what waits are small, whatever lies behind it.
CREATE INDEX jobs_front_idx
    ON jobs (kind, priority, width_bucket(length_ms, ARRAY[15000, 30000, 60000, 120000]), run_at)
    WHERE state = 'available';
CREATE INDEX jobs_owner_idx
    ON jobs (kind, priority, owner_id, width_bucket(length_ms, ARRAY[15000, 30000, 60000, 120000]), run_at)
    WHERE state = 'available';
CREATE INDEX jobs_oldest_idx ON jobs (kind, run_at) WHERE state = 'available';
-- What was given up, for operators.
CREATE INDEX jobs_discarded_idx ON jobs (finished_at) WHERE state = 'discarded';

-- How many jobs workers of the same kinds have claimed: every fourth is the turn of the oldest that is overdue.
CREATE TABLE job_turns (
    kinds  text[] PRIMARY KEY,
    claims bigint NOT NULL CHECK (claims > 0)
);

-- Nobody goes on with it: its clip failed or was deleted, or a newer version takes its place.
ALTER TABLE media_versions ADD COLUMN is_given_up boolean NOT NULL DEFAULT false;
UPDATE media_versions v SET is_given_up = true
FROM clips c
WHERE c.id = v.clip_id AND NOT v.is_complete AND v.base_id IS NULL
  AND (c.processing = 'failed' OR c.deleted_at IS NOT NULL
       OR EXISTS (SELECT FROM media_versions n WHERE n.clip_id = v.clip_id AND n.id > v.id AND n.base_id IS NULL));
DROP INDEX media_versions_incomplete_idx;
CREATE INDEX media_versions_unfinished_idx ON media_versions (created_at)
    WHERE NOT is_complete AND NOT is_given_up AND base_id IS NULL;

-- How well the automatic poster stands for its clip: good pictures before others, richer before poorer.
ALTER TABLE media_versions ADD COLUMN poster_rank bigint;
-- Automatic posters that a better one took the place of: their addresses stay true.
CREATE TABLE replaced_posters (
    version_id uuid NOT NULL REFERENCES media_versions ON DELETE CASCADE,
    name       text NOT NULL,
    -- The lease token of the attempt that made it: part of its object key.
    token      bigint NOT NULL,
    PRIMARY KEY (version_id, name)
);

-- The lease token of the attempt that made a poster of a picked moment: part of its object key. A picture that was sent
-- has none: it is stored once.
ALTER TABLE clip_posters ADD COLUMN token bigint;
