-- The queue is fair, and a long clip may be made by several workers at once.

-- One sequence numbers every claim of every job, so that the lease tokens of two jobs that work on
-- the same version can never be the same: they are part of object keys.
CREATE SEQUENCE job_lease_tokens;
SELECT setval('job_lease_tokens', greatest(1, (SELECT max(lease_token) FROM jobs), (SELECT max(token) FROM media_chunks)));

-- Media the job works on, milliseconds: known from the probe or estimated from the source's size.
ALTER TABLE jobs ADD COLUMN length_ms integer NOT NULL DEFAULT 0 CHECK (length_ms >= 0);

-- What an owner was served lately is part of the order in which jobs are claimed.
CREATE INDEX jobs_served_idx ON jobs (finished_at, owner_id) WHERE finished_at IS NOT NULL AND owner_id IS NOT NULL;
-- The live jobs of a version.
CREATE INDEX jobs_version_idx ON jobs ((args ->> 'version_id')) WHERE state IN ('available', 'running');

ALTER TABLE media_versions
    -- The lease token of the attempt that made the plan: chunks made by another plan are refused.
    ADD COLUMN plan_token bigint,
    -- How many chunks, from the first on, the playlists show. Later ones may be stored already.
    ADD COLUMN published_chunks integer NOT NULL DEFAULT 0 CHECK (published_chunks >= 0),
    -- How often a keeper found that nobody worked on it.
    ADD COLUMN rescues integer NOT NULL DEFAULT 0 CHECK (rescues >= 0);
UPDATE media_versions v SET
    plan_token = CASE WHEN plan IS NOT NULL THEN 0 END,
    published_chunks = (SELECT count(*) FROM media_chunks k WHERE k.version_id = v.id);
ALTER TABLE media_versions ADD CHECK ((plan IS NULL) = (plan_token IS NULL));
CREATE INDEX media_versions_incomplete_idx ON media_versions (created_at) WHERE NOT is_complete;

-- How often its creator had it tried again.
ALTER TABLE clips ADD COLUMN retries integer NOT NULL DEFAULT 0 CHECK (retries >= 0);
