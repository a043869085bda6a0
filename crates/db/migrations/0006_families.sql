-- A family: renditions of another codec or effort, made later for a version whose watch time pays for them. It is a
-- version of its own (plan, chunks, objects) that is shown as part of its base.
ALTER TABLE media_versions
    ADD COLUMN base_id uuid REFERENCES media_versions ON DELETE CASCADE,
    ADD COLUMN family  text CHECK (family IN ('av1', 'slow')),
    ADD CHECK ((base_id IS NULL) = (family IS NULL)),
    ADD CONSTRAINT media_versions_family_key UNIQUE (base_id, family);

-- What of a clip was watched of late: watch time counts half for every half-life that passed since.
CREATE TABLE clip_demand (
    clip_id    uuid PRIMARY KEY REFERENCES clips ON DELETE CASCADE,
    -- clip_counts.watch_ms when it was last counted.
    seen_ms    bigint NOT NULL CHECK (seen_ms >= 0),
    -- As of counted_at.
    recent_ms  double precision NOT NULL CHECK (recent_ms >= 0),
    counted_at timestamptz NOT NULL
);

-- What was watched before today is seen, and not of late.
INSERT INTO clip_demand SELECT clip_id, watch_ms, 0, now() FROM clip_counts WHERE watch_ms > 0;

-- A decayed sum as of a later moment. Past a hundred half-lives nothing is left of it.
CREATE FUNCTION demand_at(recent_ms double precision, counted_at timestamptz, at timestamptz, half_life_secs double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    recent_ms * power(0.5, least(greatest(extract(epoch FROM at - counted_at)::double precision / half_life_secs, 0), 100));
