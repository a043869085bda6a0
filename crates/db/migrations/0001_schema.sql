-- Estrade's schema. Tables are plural, columns singular; every time is UTC.
-- The schema states the invariants: what a CHECK forbids cannot happen.

-- ---------------------------------------------------------------- people

CREATE TABLE accounts (
    id            uuid PRIMARY KEY,
    public_id     text NOT NULL UNIQUE CHECK (length(public_id) = 20),
    handle        text NOT NULL CHECK (handle ~ '^[a-z0-9_.]{3,30}$'),
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 800),
    email         text CHECK (length(email) BETWEEN 3 AND 254),
    language      text CHECK (length(language) <= 35),
    password_hash text NOT NULL,
    -- Axis 4 of visibility.
    standing      text NOT NULL DEFAULT 'good' CHECK (standing IN ('good', 'limited', 'suspended', 'banned')),
    -- Whether feeds may learn from what this account watches.
    profiling     boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL,
    deleted_at    timestamptz,
    CONSTRAINT accounts_handle_key UNIQUE (handle)
);

CREATE TABLE account_roles (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('moderator', 'operator')),
    granted_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, role)
);

-- Whoever looks: every account has one viewer, every guest is one.
CREATE TABLE viewers (
    id           uuid PRIMARY KEY,
    account_id   uuid UNIQUE REFERENCES accounts ON DELETE CASCADE,
    -- SHA-256 of a guest's token.
    guest_hash   bytea UNIQUE CHECK (length(guest_hash) = 32),
    -- Where a guest's history went when they logged in.
    merged_into  uuid REFERENCES viewers ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    CHECK ((account_id IS NULL) <> (guest_hash IS NULL)),
    CHECK (merged_into IS NULL OR guest_hash IS NOT NULL)
);

CREATE TABLE sessions (
    -- SHA-256 of the token; the token itself is never stored.
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_account_id_idx ON sessions (account_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

CREATE TABLE follows (
    follower_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    creator_id  uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (follower_id, creator_id),
    CHECK (follower_id <> creator_id)
);
CREATE INDEX follows_creator_id_idx ON follows (creator_id);

-- ---------------------------------------------------------------- clips

CREATE TABLE clips (
    id                uuid PRIMARY KEY,
    public_id         text NOT NULL UNIQUE CHECK (length(public_id) = 20),
    creator_id        uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    caption           text NOT NULL DEFAULT '' CHECK (octet_length(caption) <= 35200),
    hashtags          text[] NOT NULL DEFAULT '{}' CHECK (cardinality(hashtags) <= 30),
    language          text CHECK (length(language) <= 35),
    created_at        timestamptz NOT NULL,
    deleted_at        timestamptz,
    -- Axis 1: processing.
    processing        text NOT NULL DEFAULT 'waiting' CHECK (processing IN ('waiting', 'processing', 'ready', 'failed')),
    progress          real NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    failure_code      text,
    failure_message   text,
    failure_detail    text,
    failure_retryable boolean,
    -- Axis 2: publication. `publish` is the wish, `published_at` the fact.
    visibility        text NOT NULL CHECK (visibility IN ('private', 'followers', 'unlisted', 'public')),
    publish           boolean NOT NULL,
    published_at      timestamptz,
    -- The media version shown now: publishing is moving this pointer.
    version_id        uuid,
    CHECK ((processing = 'failed') = (failure_code IS NOT NULL)),
    CHECK (num_nulls(failure_code, failure_message, failure_retryable) IN (0, 3)),
    CHECK (processing <> 'ready' OR version_id IS NOT NULL),
    CHECK (published_at IS NULL OR processing = 'ready' OR version_id IS NOT NULL)
);
CREATE INDEX clips_creator_id_idx ON clips (creator_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX clips_published_at_idx ON clips (published_at DESC, id DESC) WHERE published_at IS NOT NULL AND deleted_at IS NULL;

-- One version of a clip's media: what one transcode makes. Objects live below
-- media/{clip public id}/{version id}/ and are never overwritten.
CREATE TABLE media_versions (
    id             uuid PRIMARY KEY,
    clip_id        uuid NOT NULL REFERENCES clips ON DELETE CASCADE,
    source_key     text NOT NULL,
    -- What the probe said and what was planned, as the transcoder wrote them.
    plan           jsonb,
    -- The multivariant playlist; present from the first playable chunk on.
    playlist       text,
    poster_name    text,
    thumbhash      text,
    -- The lease token of the attempt that made the poster: part of its object key.
    poster_token   bigint,
    -- The lease token of the attempt that made the init segments: part of their object keys.
    first_token    bigint,
    duration_ms    integer CHECK (duration_ms > 0),
    width          integer CHECK (width > 0),
    height         integer CHECK (height > 0),
    has_audio      boolean,
    -- The whole ladder stands.
    is_complete    boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL,
    CHECK ((poster_name IS NULL) = (poster_token IS NULL)),
    CHECK (num_nulls(playlist, first_token, duration_ms, width, height, has_audio) IN (0, 6)),
    CHECK (NOT is_complete OR playlist IS NOT NULL)
);
CREATE INDEX media_versions_clip_id_idx ON media_versions (clip_id);
ALTER TABLE clips ADD FOREIGN KEY (version_id) REFERENCES media_versions DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE renditions (
    version_id        uuid NOT NULL REFERENCES media_versions ON DELETE CASCADE,
    -- Folder name below the version: v360, v540, …, audio.
    name              text NOT NULL CHECK (name ~ '^[a-z0-9]{1,16}$'),
    kind              text NOT NULL CHECK (kind IN ('video', 'audio')),
    width             integer,
    height            integer,
    bandwidth         integer NOT NULL CHECK (bandwidth > 0),
    average_bandwidth integer NOT NULL CHECK (average_bandwidth > 0),
    codecs            text NOT NULL,
    frame_rate        double precision,
    init_bytes        integer NOT NULL CHECK (init_bytes > 0),
    first_bytes       integer NOT NULL CHECK (first_bytes > 0),
    first_ms          integer NOT NULL CHECK (first_ms > 0),
    playlist          text NOT NULL,
    PRIMARY KEY (version_id, name),
    CHECK ((kind = 'video') = (width IS NOT NULL AND height IS NOT NULL AND frame_rate IS NOT NULL))
);

-- What of a version is done: the unit of work and of resuming.
CREATE TABLE media_chunks (
    version_id  uuid NOT NULL REFERENCES media_versions ON DELETE CASCADE,
    number      integer NOT NULL CHECK (number >= 0),
    -- The lease token of the attempt that made it: part of its object keys, so that an attempt
    -- that lost its lease cannot overwrite its successor's output.
    token         bigint NOT NULL,
    first_segment integer NOT NULL CHECK (first_segment >= 0),
    segment_count integer NOT NULL CHECK (segment_count > 0),
    -- Sizes of the segments per rendition, as the transcoder reported them.
    facts       jsonb NOT NULL,
    stored_at   timestamptz NOT NULL,
    PRIMARY KEY (version_id, number),
    UNIQUE (version_id, first_segment)
);

-- Axis 3: moderation decisions in force, on a clip or on all of a creator's clips.
CREATE TABLE restrictions (
    id         uuid PRIMARY KEY,
    clip_id    uuid REFERENCES clips ON DELETE CASCADE,
    account_id uuid REFERENCES accounts ON DELETE CASCADE,
    effect     text NOT NULL CHECK (effect IN ('reach_limited', 'disabled', 'removed')),
    -- The rule, and the sentence its creator reads. Nobody is restricted without a reason.
    rule       text NOT NULL CHECK (length(rule) BETWEEN 1 AND 200),
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 5000),
    decided_by uuid REFERENCES accounts ON DELETE SET NULL,
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz,
    lifted_at  timestamptz,
    CHECK (num_nonnulls(clip_id, account_id) = 1),
    CHECK (ends_at IS NULL OR ends_at > starts_at)
);
CREATE INDEX restrictions_clip_id_idx ON restrictions (clip_id) WHERE lifted_at IS NULL;
CREATE INDEX restrictions_account_id_idx ON restrictions (account_id) WHERE lifted_at IS NULL;

CREATE TABLE reports (
    id          uuid PRIMARY KEY,
    public_id   text NOT NULL UNIQUE,
    clip_id     uuid NOT NULL REFERENCES clips ON DELETE CASCADE,
    reporter_id uuid NOT NULL REFERENCES viewers ON DELETE CASCADE,
    reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 60),
    detail      text CHECK (octet_length(detail) <= 32000),
    created_at  timestamptz NOT NULL
);
CREATE INDEX reports_clip_id_idx ON reports (clip_id);
CREATE UNIQUE INDEX reports_once_idx ON reports (clip_id, reporter_id, reason);

-- The four axes in, the audience out: the same as estrade_domain::Axes::audience.
CREATE FUNCTION audience_of(
    is_deleted boolean, processing text, is_published boolean, visibility text,
    effects text[], standing text
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE
        WHEN is_deleted OR effects && ARRAY['disabled', 'removed'] OR standing IN ('suspended', 'banned') THEN 'nobody'
        WHEN processing <> 'ready' OR NOT is_published OR visibility = 'private' THEN 'creator'
        WHEN visibility = 'followers' THEN 'followers'
        WHEN visibility = 'unlisted' THEN 'link'
        ELSE 'everyone'
    END;

-- Whether a feed may offer a clip: the same as estrade_domain::Axes::is_recommendable.
CREATE FUNCTION recommendable_of(audience text, effects text[], standing text)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    audience = 'everyone' AND standing = 'good' AND cardinality(effects) = 0;

-- Every read path asks this view who may see a clip.
CREATE VIEW clip_audiences AS
SELECT c.id AS clip_id, a.audience, recommendable_of(a.audience, e.effects, s.standing) AS is_recommendable
FROM clips c
JOIN accounts s ON s.id = c.creator_id
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(r.effect), '{}') AS effects
    FROM restrictions r
    WHERE (r.clip_id = c.id OR r.account_id = c.creator_id)
      AND r.lifted_at IS NULL
      AND r.starts_at <= now()
      AND (r.ends_at IS NULL OR r.ends_at > now())
) e
CROSS JOIN LATERAL (
    SELECT audience_of(
        c.deleted_at IS NOT NULL OR s.deleted_at IS NOT NULL,
        c.processing, c.published_at IS NOT NULL, c.visibility, e.effects, s.standing
    ) AS audience
) a;

-- ---------------------------------------------------------------- uploads

CREATE TABLE uploads (
    id                uuid PRIMARY KEY,
    public_id         text NOT NULL UNIQUE CHECK (length(public_id) = 20),
    creator_id        uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    clip_id           uuid NOT NULL UNIQUE REFERENCES clips ON DELETE CASCADE,
    state             text NOT NULL DEFAULT 'receiving' CHECK (state IN ('receiving', 'stored', 'rejected', 'expired', 'terminated')),
    length_bytes      bigint CHECK (length_bytes BETWEEN 0 AND 4294967296),
    -- Bytes that are durable: on disk and synced, or in S3. Never bytes merely received.
    offset_bytes      bigint NOT NULL DEFAULT 0 CHECK (offset_bytes >= 0),
    -- Raised by every request that takes the upload over; older requests may no longer write.
    epoch             bigint NOT NULL DEFAULT 0,
    -- CRC-32C of the durable bytes after the last whole part: a part may arrive in many requests.
    tail_crc32c       bigint NOT NULL DEFAULT 0 CHECK (tail_crc32c BETWEEN 0 AND 4294967295),
    -- The spool folder that has the bytes: those of another machine are out of reach.
    spool_id          uuid NOT NULL,
    -- The Upload-Metadata header as sent, returned by HEAD.
    metadata          text NOT NULL DEFAULT '' CHECK (length(metadata) <= 8192),
    filename          text CHECK (length(filename) <= 255),
    sha256            bytea CHECK (length(sha256) = 32),
    object_key        text NOT NULL UNIQUE,
    s3_upload_id      text,
    rejection_code    text,
    rejection_message text,
    created_at        timestamptz NOT NULL,
    last_byte_at      timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    CHECK (length_bytes IS NULL OR offset_bytes <= length_bytes),
    CHECK (state <> 'stored' OR offset_bytes = length_bytes),
    CHECK ((state = 'rejected') = (rejection_code IS NOT NULL)),
    CHECK ((rejection_code IS NULL) = (rejection_message IS NULL))
);
CREATE INDEX uploads_creator_id_idx ON uploads (creator_id, created_at DESC);
CREATE INDEX uploads_expires_at_idx ON uploads (expires_at) WHERE state = 'receiving';

-- Whole parts: the truth about a multipart upload, never ListParts. Without an entity tag a part
-- is durable in the spool but not in S3 yet.
CREATE TABLE upload_parts (
    upload_id  uuid NOT NULL REFERENCES uploads ON DELETE CASCADE,
    number     integer NOT NULL CHECK (number BETWEEN 1 AND 10000),
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    etag       text,
    crc32c     bigint NOT NULL CHECK (crc32c BETWEEN 0 AND 4294967295),
    PRIMARY KEY (upload_id, number)
);

-- ---------------------------------------------------------------- watching

-- Every serving is kept: what is not logged now can never be learned from.
CREATE TABLE servings (
    id         uuid PRIMARY KEY,
    slate_id   uuid NOT NULL,
    viewer_id  uuid NOT NULL REFERENCES viewers ON DELETE CASCADE,
    clip_id    uuid NOT NULL REFERENCES clips ON DELETE CASCADE,
    feed       text NOT NULL CHECK (feed IN ('for_you', 'following', 'trending')),
    position   integer NOT NULL CHECK (position >= 0),
    source     text NOT NULL,
    reason     text NOT NULL,
    -- The top terms of the score, as shown by "why this clip".
    terms      jsonb NOT NULL DEFAULT '[]',
    -- Probability that this clip was chosen for this place.
    propensity real NOT NULL CHECK (propensity > 0 AND propensity <= 1),
    parameters integer NOT NULL,
    is_profiled boolean NOT NULL,
    served_at  timestamptz NOT NULL
);
CREATE INDEX servings_viewer_id_idx ON servings (viewer_id, served_at DESC);
CREATE INDEX servings_clip_id_idx ON servings (clip_id);

-- What clients report, once each: (viewer, client's id) is the idempotency key.
CREATE TABLE viewer_events (
    viewer_id   uuid NOT NULL REFERENCES viewers ON DELETE CASCADE,
    event_id    text NOT NULL CHECK (length(event_id) BETWEEN 1 AND 64),
    kind        text NOT NULL CHECK (kind IN ('impression', 'view', 'completion', 'skip', 'share', 'not_interested', 'quality')),
    clip_id     uuid NOT NULL REFERENCES clips ON DELETE CASCADE,
    served_id   uuid,
    at          timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    watch_ms    integer NOT NULL DEFAULT 0 CHECK (watch_ms >= 0),
    position_ms integer NOT NULL DEFAULT 0 CHECK (position_ms >= 0),
    loops       integer NOT NULL DEFAULT 0 CHECK (loops >= 0),
    -- Of `quality` events: what operators look at.
    quality     jsonb,
    PRIMARY KEY (viewer_id, event_id)
);
CREATE INDEX viewer_events_clip_id_idx ON viewer_events (clip_id);

-- One row a (viewer, serving): the highest totals reported. Events without a serving
-- (a shared link) share one row a (viewer, clip).
CREATE TABLE views (
    viewer_id    uuid NOT NULL REFERENCES viewers ON DELETE CASCADE,
    clip_id      uuid NOT NULL REFERENCES clips ON DELETE CASCADE,
    -- The serving, or the clip itself when there was none.
    occasion     uuid NOT NULL,
    watch_ms     integer NOT NULL DEFAULT 0,
    loops        integer NOT NULL DEFAULT 0,
    is_impressed boolean NOT NULL DEFAULT false,
    is_completed boolean NOT NULL DEFAULT false,
    is_skipped   boolean NOT NULL DEFAULT false,
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    PRIMARY KEY (viewer_id, clip_id, occasion)
);
CREATE INDEX views_clip_id_idx ON views (clip_id);

CREATE TABLE likes (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    clip_id    uuid NOT NULL REFERENCES clips ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, clip_id)
);
CREATE INDEX likes_clip_id_idx ON likes (clip_id);

-- Counters equal the rows they count; they are changed in the same statement.
CREATE TABLE clip_counts (
    clip_id     uuid PRIMARY KEY REFERENCES clips ON DELETE CASCADE,
    views       bigint NOT NULL DEFAULT 0 CHECK (views >= 0),
    likes       bigint NOT NULL DEFAULT 0 CHECK (likes >= 0),
    comments    bigint NOT NULL DEFAULT 0 CHECK (comments >= 0),
    shares      bigint NOT NULL DEFAULT 0 CHECK (shares >= 0),
    impressions bigint NOT NULL DEFAULT 0 CHECK (impressions >= 0),
    completions bigint NOT NULL DEFAULT 0 CHECK (completions >= 0),
    skips       bigint NOT NULL DEFAULT 0 CHECK (skips >= 0),
    watch_ms    bigint NOT NULL DEFAULT 0 CHECK (watch_ms >= 0)
);

-- ---------------------------------------------------------------- the event log

-- Ordered by (transaction, id). Readers stop before the oldest transaction still running,
-- so that one that commits late is never skipped.
CREATE TABLE event_log (
    xact    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id      bigint GENERATED ALWAYS AS IDENTITY,
    kind    text NOT NULL,
    payload jsonb NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (xact, id)
);
CREATE INDEX event_log_at_idx ON event_log (at);

CREATE FUNCTION notify_event_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('event_log', '');
    RETURN NULL;
END $$;
CREATE TRIGGER event_log_notify AFTER INSERT ON event_log
FOR EACH STATEMENT EXECUTE FUNCTION notify_event_log();

-- ---------------------------------------------------------------- jobs

CREATE TABLE jobs (
    id           uuid PRIMARY KEY,
    kind         text NOT NULL,
    args         jsonb NOT NULL,
    -- At most one live job of a kind with this key.
    unique_key   text,
    -- Whose fair share this job counts against.
    owner_id     uuid,
    priority     smallint NOT NULL DEFAULT 0,
    state        text NOT NULL DEFAULT 'available' CHECK (state IN ('available', 'running', 'completed', 'cancelled', 'discarded')),
    attempt      integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    attempts_max integer NOT NULL CHECK (attempts_max > 0),
    run_at       timestamptz NOT NULL,
    created_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    -- The lease: who may run it until when. The token fences: raised by every claim.
    worker       text,
    lease_token  bigint NOT NULL DEFAULT 0,
    leased_until timestamptz,
    -- The last error, and for `discarded` the reason.
    error_code   text,
    error_detail text,
    CHECK ((state = 'running') = (leased_until IS NOT NULL)),
    CHECK ((state = 'running') = (worker IS NOT NULL)),
    CHECK ((state IN ('completed', 'cancelled', 'discarded')) = (finished_at IS NOT NULL)),
    CHECK (state <> 'discarded' OR error_code IS NOT NULL),
    CHECK (attempt <= attempts_max)
);
CREATE INDEX jobs_available_idx ON jobs (priority DESC, run_at) WHERE state = 'available';
CREATE INDEX jobs_running_idx ON jobs (leased_until) WHERE state = 'running';
CREATE INDEX jobs_finished_idx ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_unique_idx ON jobs (kind, unique_key) WHERE state IN ('available', 'running');

CREATE FUNCTION notify_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('jobs', '');
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_notify AFTER INSERT ON jobs
FOR EACH STATEMENT EXECUTE FUNCTION notify_jobs();

-- Live changes of a clip, for its creator's event stream.
CREATE FUNCTION notify_clip() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('clips', NEW.public_id);
    RETURN NULL;
END $$;
CREATE TRIGGER clips_notify AFTER UPDATE ON clips
FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION notify_clip();
