"""Makes the database of countries that the server is started with: `python3 countries.py FILE`.

**Invariant:** its networks are those that are reserved for examples (RFC 5737, RFC 3849): no real address is in it.
"""

import sys

from mmdb_writer import MMDBWriter
from netaddr import IPSet

COUNTRIES = {"DE": ["203.0.113.0/25", "2001:db8:1::/48"], "NZ": ["203.0.113.128/25"]}


def write(path):
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    # Where it is used, and where it is registered, which doesn't count.
    registered = {"registered_country": {"iso_code": "US"}}
    for code, networks in COUNTRIES.items():
        writer.insert_network(IPSet(networks), {"country": {"iso_code": code}, **registered})
    writer.to_db_file(path)


if __name__ == "__main__":
    write(sys.argv[1])
