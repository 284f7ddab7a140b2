-- Keep what became of a task, and tell who waits for it. A success stands: a delivery that comes late
-- may fail, and must not make a failure of it. Another success replaces it: an order that was taken up
-- again has a result of its own.
-- KEYS  1 result, as Celery names it
-- ARGV  1 the result as Celery writes it  2 expiry, s ('0': none)  3 it is a success (0, 1)
-- reply 1 if it was kept
local earlier = ARGV[3] == '0' and redis.pcall('GET', KEYS[1])
if type(earlier) == 'string' then
  local is_readable, meta = pcall(cjson.decode, earlier)
  if is_readable and type(meta) == 'table' and meta['status'] == 'SUCCESS' then
    return 0
  end
end
if ARGV[2] == '0' then
  redis.call('SET', KEYS[1], ARGV[1])
else
  redis.call('SETEX', KEYS[1], ARGV[2], ARGV[1])
end
redis.call('PUBLISH', KEYS[1], ARGV[1])
return 1
