-- Keeps a batch of viewer events, raises the totals of `views` and moves the counters of
-- `clip_counts` by what that changed. $1 viewer, $2 their account, $3 now, $4 … $12 the events.
WITH input AS (
    SELECT number - 1 AS number, event_id, kind, clip, named_id, at, watch_ms, position_ms, loops, quality
    FROM unnest($4::text[], $5::text[], $6::text[], $7::uuid[], $8::timestamptz[], $9::int4[], $10::int4[],
                $11::int4[], $12::jsonb[])
         WITH ORDINALITY AS i (event_id, kind, clip, named_id, at, watch_ms, position_ms, loops, quality, number)
), visible AS (
    SELECT i.*, c.id AS clip_id, s.id AS served_id, coalesce(s.id, c.id) AS occasion,
           row_number() OVER (PARTITION BY i.event_id ORDER BY i.number) AS repetition
    FROM input i
    JOIN clips c ON c.public_id = i.clip
    JOIN clip_audiences a ON a.clip_id = c.id
    LEFT JOIN servings s ON s.id = i.named_id AND s.viewer_id = $1 AND s.clip_id = c.id
    WHERE a.audience IN ('everyone', 'link')
       OR (c.creator_id = $2 AND c.deleted_at IS NULL)
       OR (a.audience = 'followers'
           AND EXISTS (SELECT FROM follows f WHERE f.follower_id = $2 AND f.creator_id = c.creator_id))
), added AS (
    INSERT INTO viewer_events (viewer_id, event_id, kind, clip_id, served_id, at, received_at, watch_ms,
                               position_ms, loops, quality)
    SELECT $1, event_id, kind, clip_id, served_id, at, $3, watch_ms, position_ms, loops, quality
    FROM visible WHERE repetition = 1
    ON CONFLICT (viewer_id, event_id) DO NOTHING
    RETURNING event_id, kind, clip_id, coalesce(served_id, clip_id) AS occasion, at, watch_ms, loops
), folded AS (
    SELECT clip_id, occasion, max(watch_ms) AS watch_ms, max(loops) AS loops,
           bool_or(kind = 'impression') AS is_impressed, bool_or(kind = 'completion') AS is_completed,
           bool_or(kind = 'skip') AS is_skipped, min(at) AS first_at, max(at) AS last_at
    FROM added WHERE kind IN ('impression', 'view', 'completion', 'skip')
    GROUP BY clip_id, occasion
), moved AS (
    SELECT f.*, coalesce(v.watch_ms, 0) AS old_watch_ms, coalesce(v.is_impressed, false) AS was_impressed,
           coalesce(v.is_completed, false) AS was_completed, coalesce(v.is_skipped, false) AS was_skipped,
           coalesce(v.watch_ms >= 2000 OR v.loops >= 1 OR v.is_completed, false) AS was_counted,
           f.watch_ms >= 2000 OR f.loops >= 1 OR f.is_completed AS is_counted
    FROM folded f
    LEFT JOIN views v ON v.viewer_id = $1 AND v.clip_id = f.clip_id AND v.occasion = f.occasion
), raised AS (
    INSERT INTO views (viewer_id, clip_id, occasion, watch_ms, loops, is_impressed, is_completed, is_skipped,
                       first_at, last_at)
    SELECT $1, clip_id, occasion, watch_ms, loops, is_impressed, is_completed, is_skipped, first_at, last_at
    FROM folded
    ON CONFLICT (viewer_id, clip_id, occasion) DO UPDATE SET
        watch_ms = greatest(views.watch_ms, excluded.watch_ms),
        loops = greatest(views.loops, excluded.loops),
        is_impressed = views.is_impressed OR excluded.is_impressed,
        is_completed = views.is_completed OR excluded.is_completed,
        is_skipped = views.is_skipped OR excluded.is_skipped,
        first_at = least(views.first_at, excluded.first_at),
        last_at = greatest(views.last_at, excluded.last_at)
), steps AS (
    SELECT clip_id, 0 AS shares,
           (is_counted AND NOT was_counted)::int AS views,
           (is_impressed AND NOT was_impressed)::int AS impressions,
           (is_completed AND NOT was_completed)::int AS completions,
           (is_skipped AND NOT was_skipped)::int AS skips,
           greatest(watch_ms - old_watch_ms, 0) AS watch_ms
    FROM moved
    UNION ALL
    SELECT clip_id, 1, 0, 0, 0, 0, 0 FROM added WHERE kind = 'share'
), counted AS (
    INSERT INTO clip_counts (clip_id, shares, views, impressions, completions, skips, watch_ms)
    SELECT clip_id, sum(shares), sum(views), sum(impressions), sum(completions), sum(skips), sum(watch_ms)
    FROM steps GROUP BY clip_id ORDER BY clip_id
    ON CONFLICT (clip_id) DO UPDATE SET
        shares = clip_counts.shares + excluded.shares,
        views = clip_counts.views + excluded.views,
        impressions = clip_counts.impressions + excluded.impressions,
        completions = clip_counts.completions + excluded.completions,
        skips = clip_counts.skips + excluded.skips,
        watch_ms = clip_counts.watch_ms + excluded.watch_ms
)
SELECT i.number AS "number!", i.clip_id AS "clip_id!", i.served_id AS "served_id?",
       a.event_id IS NOT NULL AS "is_new!",
       coalesce(v.watch_ms, 0) AS "watch_ms!", coalesce(v.loops, 0) AS "loops!",
       coalesce(v.is_completed, false) AS "is_completed!"
FROM visible i
LEFT JOIN added a ON a.event_id = i.event_id AND i.repetition = 1
LEFT JOIN views v ON v.viewer_id = $1 AND v.clip_id = i.clip_id AND v.occasion = i.occasion
ORDER BY i.number
