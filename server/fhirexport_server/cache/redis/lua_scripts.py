"""The Lua scripts that run inside Redis, each of them atomic.

A comment above each script explains KEYS and ARGV. They need Redis 6.2 or Valkey. Exports are
correct without them, because an export is served only a rendering with the etag that it requires.
"""

# KEYS: head. ARGV: layout, the required etag or '', the required end of the etag or '', the greatest age in
# milliseconds since it was validated, an etag that the caller knows or '', the largest size of a field, then
# the names of fields, of which the last is left out where the etag is the known one.
# Returns a state and the time in milliseconds; on 'hit' and 'stale' also the values of the fields and the
# remaining time to live in milliseconds.
# It writes nothing, so that it works where Redis is full or a replica.
LOOKUP = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return {'miss', now} end
if kind ~= 'hash' then return {'corrupt', now} end
for i = 7, #ARGV do
  if redis.call('HSTRLEN', KEYS[1], ARGV[i]) > tonumber(ARGV[6]) then return {'corrupt', now} end
end
local head = redis.call('HMGET', KEYS[1], 'layout', 'etag', 'validated')
local etag = head[2] or ''
local state = 'hit'
if head[1] ~= ARGV[1] then return {'foreign', now} end
if ARGV[2] ~= '' and etag ~= ARGV[2] then
  local shape = string.match(ARGV[2], '%-[^-]*$') or ARGV[2]
  if string.sub(etag, -string.len(shape)) ~= shape then return {'foreign', now} end
  state = 'stale'
end
if ARGV[3] ~= '' then
  if string.sub(etag, -string.len(ARGV[3])) ~= ARGV[3] then return {'foreign', now} end
  local age = now - (tonumber(head[3]) or 0)
  if age < 0 or age > tonumber(ARGV[4]) then return {'expired', now} end
end
local last = #ARGV
if etag == ARGV[5] then last = last - 1 end
return {state, now, redis.call('HMGET', KEYS[1], unpack(ARGV, 7, last)), redis.call('PTTL', KEYS[1])}
"""

# KEYS: a key. Returns the time of the server that has it: those of a cluster have clocks of their own.
CLOCK = "return redis.call('TIME')"

# KEYS: segments. ARGV: how many bytes are enough, then the largest size of each segment.
# Returns the segments, '' for those that are not there, until there are enough bytes: at least the first.
SEGMENTS = """
local values, bytes = {}, 0
for i, key in ipairs(KEYS) do
  if i > 1 and bytes >= tonumber(ARGV[1]) then break end
  local value = redis.pcall('GETRANGE', key, 0, ARGV[1 + i])
  if type(value) ~= 'string' then value = '' end
  values[i] = value
  bytes = bytes + #value
end
return values
"""

# KEYS: segments. Returns the sum of their sizes, in bytes.
SIZES = """
local bytes = 0
for _, key in ipairs(KEYS) do
  local size = redis.pcall('STRLEN', key)
  if type(size) == 'number' then bytes = bytes + size end
end
return bytes
"""

# KEYS: segments. ARGV: milliseconds. Makes each live that long from now on.
# Returns the time in milliseconds, then which of the segments are not there, counted from 0.
RENEW = """
local time = redis.call('TIME')
local answer = {time[1] * 1000 + math.floor(time[2] / 1000)}
for i, key in ipairs(KEYS) do
  if redis.call('PEXPIRE', key, ARGV[1]) == 0 then answer[#answer + 1] = i - 1 end
end
return answer
"""

# KEYS: head, lease. ARGV: etag, nonce, milliseconds.
# Returns 'hit' if the rendering is there already, 'own' if the caller is to produce it, else 'busy'.
LEASE = """
if redis.call('TYPE', KEYS[1]).ok == 'hash' and redis.call('HGET', KEYS[1], 'etag') == ARGV[1] then
  return 'hit'
end
local owner = redis.pcall('GET', KEYS[2])
if type(owner) == 'string' and owner ~= ARGV[2] then return 'busy' end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 'own'
"""

# KEYS: lease. ARGV: nonce, milliseconds; 0 releases it. Returns whether the lease was the caller's.
HOLD = """
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('UNLINK', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

# KEYS: head. ARGV: the time to live of segments and that of the head in milliseconds, the time at which the
# caller has begun to write segments, or '' if it has written none, the etag of the rendering that has the
# others, or '' if there are no others; incarnation, n, '1' to replace any rendering, then fields and values.
# The head expires before the first of its segments, of which its field 'ends' says when that may be.
# Returns 'stored', or why not: 'superseded' (a later one is there), 'incomplete' (a segment may have
# expired), 'renew' (the other rendering is not there, or its segments have lost a quarter of their time: the
# caller is to renew them all).
PUBLISH = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local whole = tonumber(ARGV[1])
local old = {}
if redis.call('TYPE', KEYS[1]).ok == 'hash' then
  old = redis.call('HMGET', KEYS[1], 'incarnation', 'n', 'layout', 'etag', 'ends')
  local later = old[1] == ARGV[5] and (tonumber(old[2]) or 0) > tonumber(ARGV[6])
  if later and ARGV[7] ~= '1' then return 'superseded' end
end
local ends = (tonumber(ARGV[3]) or now) + whole
if ARGV[4] ~= '' then
  local others = tonumber(old[5] or '') or 0
  if old[4] ~= ARGV[4] or others - now < whole * 3 / 4 or others - now > whole then return 'renew' end
  ends = math.min(ends, others)
end
local left = math.min(tonumber(ARGV[2]), ends - now)
if left <= 0 then return 'incomplete' end
redis.call('UNLINK', KEYS[1])
redis.call('HSET', KEYS[1], 'incarnation', ARGV[5], 'n', ARGV[6], 'ends', ends, unpack(ARGV, 8))
redis.call('PEXPIRE', KEYS[1], left)
return 'stored'
"""

# KEYS: head. ARGV: the largest size of the manifest. Deletes the rendering, of whatever state.
# Returns whether there was one, and its manifest, etag and revision, by which the caller finds the segments;
# '' for each that it has not.
DISCARD = """
local found = {}
if redis.call('TYPE', KEYS[1]).ok == 'hash'
  and redis.call('HSTRLEN', KEYS[1], 'manifest') <= tonumber(ARGV[1]) then
  found = redis.call('HMGET', KEYS[1], 'manifest', 'etag', 'revision')
end
return {redis.call('UNLINK', KEYS[1]), found[1] or '', found[2] or '', found[3] or ''}
"""

# KEYS: head. ARGV: etag, count. Adds to the number of exports that this rendering has answered; begins
# anew where it is not a number of ours.
HITS = """
if redis.call('TYPE', KEYS[1]).ok == 'hash' and redis.call('HGET', KEYS[1], 'etag') == ARGV[1] then
  local hits = redis.call('HGET', KEYS[1], 'hits')
  if hits and (#hits > 15 or not string.match(hits, '^%d+$')) then
    redis.call('HSET', KEYS[1], 'hits', 0)
  end
  return redis.call('HINCRBY', KEYS[1], 'hits', ARGV[2])
end
return 0
"""
