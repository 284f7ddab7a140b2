-- Set before every script. Time is the server's, in milliseconds: clients' clocks disagree.
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
