-- Claim work whose message was lost. A queue is first in, first out: once a message published
-- later has been started, an earlier one that has not was lost. So what is claimable is known
-- from the score alone, and waiting work, however much, is not looked at.
-- KEYS  1 open set  2 watermark of the queue  3 counts of sweeps
-- ARGV  1 queue is idle (0, 1)  2 overdue after, ms  3 slack for what is in hand, ms
--       4 fallback: taken for lost after so long in any case, ms  5 limit
--       6 what the set holds: orders, notifications
--       7 overdue by then, ms ('': by now)
-- reply {now, id, id, ...}; each id's due time is pushed back, so it is claimed once
local cutoff = now_ms
if ARGV[1] == '0' then
  local started = tonumber(redis.call('GET', KEYS[2]) or 0)
  local lost_before = math.max(started - ARGV[3], now_ms - ARGV[4])
  cutoff = math.min(now_ms, lost_before + ARGV[2])
end
if ARGV[7] ~= '' then
  cutoff = math.min(cutoff, tonumber(ARGV[7]))
end
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', cutoff, 'LIMIT', 0, ARGV[5])
for _, id in ipairs(ids) do
  redis.call('ZADD', KEYS[1], now_ms + ARGV[2], id)
end
if #ids > 0 then
  count(KEYS[3], 'claimed:' .. ARGV[6], #ids)
end
if #ids < tonumber(ARGV[5]) then
  -- A sweep claims until there is no more, so that this is its last call.
  count(KEYS[3], 'runs:' .. ARGV[6])
end
table.insert(ids, 1, now_ms)
return ids
