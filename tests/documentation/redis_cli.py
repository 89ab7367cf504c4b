"""A stand-in for redis-cli: the same answers to the commands in our pages, from the test's Redis."""

import os
import sys
from typing import Any

import redis


def main() -> int:
    """Sends the command of the command line to the Redis of REDIS_URL; prints what redis-cli would."""
    with redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True) as client:
        # As Redis says it: redis-py would make other things of some answers.
        client.response_callbacks.clear()
        try:
            answer: Any = client.execute_command(*sys.argv[1:])
        except redis.RedisError as error:
            print(f"Could not connect to Redis: {error}")  # noqa: T201 - the command's output
            return 1
    for line in answer if isinstance(answer, list) else [answer]:
        print(line)  # noqa: T201 - the command's output
    return 0


if __name__ == "__main__":
    sys.exit(main())
