"""A stand-in for curl on machines without it: the same requests for the options in our pages."""

import sys
from argparse import ArgumentParser
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit


def main() -> int:
    """Makes the request of the command line; returns the exit status that curl would."""
    parser = ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-X", dest="method", default="GET")
    parser.add_argument("-o", dest="out", type=Path)
    parser.add_argument("-d", dest="data")
    parser.add_argument("--max-time", type=float)
    for told_to_person in "sSN":
        parser.add_argument(f"-{told_to_person}", action="store_true")
    parser.add_argument("-f", dest="fail", action="store_true")
    options = parser.parse_args()
    url = urlsplit(options.url)
    connection = HTTPConnection(url.netloc, timeout=options.max_time)
    connection.request(options.method, f"{url.path}?{url.query}" if url.query else url.path, options.data)
    answer = connection.getresponse()
    if options.max_time:
        return _followed(answer)
    body = answer.read()
    if options.fail and answer.status >= 400:
        return 22
    if options.out:
        options.out.write_bytes(body)
    else:
        sys.stdout.buffer.write(body)
    return 0


def _followed(answer: HTTPResponse) -> int:
    """Print an answer as it comes, until nothing has come for too long."""
    try:
        while line := answer.readline():
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    except TimeoutError:
        return 28
    return 0


if __name__ == "__main__":
    sys.exit(main())
