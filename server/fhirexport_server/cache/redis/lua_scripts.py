"""The Lua scripts that run inside Redis, each of them atomic.

A comment above each script explains KEYS and ARGV. They need Redis 6.2 or Valkey. Exports are
correct without them, because an export is served only a rendering with the etag that it requires.
"""

# KEYS: head. ARGV: layout, the required etag or '', the required end of the etag or '', the greatest age in
# milliseconds since it was validated, then the names of fields.
# Returns a state and the time in milliseconds; on 'hit' also the values of the fields and the remaining
# time to live in milliseconds.
# It writes nothing, so that it works where Redis is full or a replica.
LOOKUP = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return {'miss', now} end
if kind ~= 'hash' then return {'corrupt', now} end
local head = redis.call('HMGET', KEYS[1], 'layout', 'etag', 'validated')
local etag = head[2] or ''
if head[1] ~= ARGV[1] then return {'foreign', now} end
if ARGV[2] ~= '' and etag ~= ARGV[2] then
  local shape = string.match(ARGV[2], '[^-]*$')
  if string.sub(etag, -string.len(shape)) ~= shape then return {'foreign', now} end
  return {'stale', now}
end
if ARGV[3] ~= '' then
  if string.sub(etag, -string.len(ARGV[3])) ~= ARGV[3] then return {'foreign', now} end
  local age = now - (tonumber(head[3]) or 0)
  if age < 0 or age > tonumber(ARGV[4]) then return {'expired', now} end
end
return {'hit', now, redis.call('HMGET', KEYS[1], unpack(ARGV, 5)), redis.call('PTTL', KEYS[1])}
"""

# KEYS: head, lease. ARGV: etag, nonce, milliseconds.
# Returns 'hit' if the rendering is there already, 'own' if the caller is to produce it, else 'busy'.
LEASE = """
if redis.call('TYPE', KEYS[1]).ok == 'hash' and redis.call('HGET', KEYS[1], 'etag') == ARGV[1] then
  return 'hit'
end
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[2] then return 'busy' end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 'own'
"""

# KEYS: lease. ARGV: nonce, milliseconds; 0 releases it. Returns whether the lease was the caller's.
HOLD = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('UNLINK', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

# KEYS: head, generation. ARGV: time to live and grace in milliseconds, how many chunks the
# generation has, incarnation, n, '1' to replace any rendering, then fields and values.
# Returns 'stored', or why not: 'incomplete' (a chunk is missing), 'superseded' (a later one is there).
PUBLISH = """
local chunks = tonumber(ARGV[3])
if chunks > 0 and redis.call('HLEN', KEYS[2]) ~= chunks then
  redis.call('UNLINK', KEYS[2])
  return 'incomplete'
end
local old = {}
if redis.call('TYPE', KEYS[1]).ok == 'hash' then
  old = redis.call('HMGET', KEYS[1], 'incarnation', 'n', 'generation', 'layout')
  local later = old[1] == ARGV[4] and (tonumber(old[2]) or 0) > tonumber(ARGV[5])
  if later and ARGV[6] ~= '1' then
    redis.call('UNLINK', KEYS[2])
    return 'superseded'
  end
end
redis.call('UNLINK', KEYS[1])
redis.call('HSET', KEYS[1], 'incarnation', ARGV[4], 'n', ARGV[5], unpack(ARGV, 7))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
if chunks > 0 then redis.call('PEXPIRE', KEYS[2], ARGV[1]) end
if old[3] and old[3] ~= '' then
  local last = '{' .. KEYS[1] .. '}:g:' .. old[3]
  if last ~= KEYS[2] and redis.call('PTTL', last) > tonumber(ARGV[2]) then
    redis.call('PEXPIRE', last, ARGV[2])
  end
end
return 'stored'
"""

# KEYS: head. ARGV: incarnation, n. Deletes the rendering if it is of fewer changes than n.
# Returns how many keys it deleted.
DROP = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return 0 end
local head = redis.call('HMGET', KEYS[1], 'incarnation', 'n', 'generation')
if head[1] ~= ARGV[1] or (tonumber(head[2]) or 0) >= tonumber(ARGV[2]) then return 0 end
local gone = redis.call('UNLINK', KEYS[1])
if head[3] and head[3] ~= '' then
  gone = gone + redis.call('UNLINK', '{' .. KEYS[1] .. '}:g:' .. head[3])
end
return gone
"""

# KEYS: head. Deletes the rendering, of whatever state. Returns 1 if there was one.
DISCARD = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'hash' then
  local generation = redis.call('HGET', KEYS[1], 'generation')
  if generation and generation ~= '' then redis.call('UNLINK', '{' .. KEYS[1] .. '}:g:' .. generation) end
end
return redis.call('UNLINK', KEYS[1])
"""

# KEYS: head. ARGV: etag, count. Adds to the number of exports that this rendering has answered.
HITS = """
if redis.call('TYPE', KEYS[1]).ok == 'hash' and redis.call('HGET', KEYS[1], 'etag') == ARGV[1] then
  return redis.call('HINCRBY', KEYS[1], 'hits', ARGV[2])
end
return 0
"""
