#!/usr/bin/python3
"""libtorrent in a DHT on loopback, by Debian's Python binding.

    libtorrent_magnet.py seed PORT NODE TORRENT...      announces them all, prints READY
    libtorrent_magnet.py get PORT NODE LINK             prints START, then METADATA

NODE (HOST:PORT) is who it asks first. A link is added when libtorrent knows eight nodes: a search that
begins with none finds nobody, and is not soon repeated; waiting for the end of its bootstrap would
cost 15 seconds whenever it is told of a node that is gone.
"""
import sys
import time

import libtorrent as lt

mode, port, node = sys.argv[1:4]
if mode == "get":
    print("START", flush=True)
session = lt.session({
    "listen_interfaces": "127.0.0.1:" + port,
    "dht_bootstrap_nodes": node,
    # By default many nodes of one address are taken for one attacker.
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_ignore_dark_internet": False,
    "dht_enforce_node_id": False,
    "dht_prefer_verified_node_ids": False,
    "dht_block_ratelimit": 1000,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
    "allow_multiple_connections_per_ip": True,
    "active_limit": 1000,
    "active_seeds": 1000,
    "active_dht_limit": 1000,
    "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.dht_notification,
})


def wait_for(kind):
    while True:
        session.wait_for_alert(1000)
        for alert in session.pop_alerts():
            if isinstance(alert, kind):
                return


while session.status().dht_nodes < 8:
    time.sleep(0.002)
handles = []
for source in sys.argv[4:]:
    if mode == "get":
        params = lt.parse_magnet_uri(source)
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(source)
        params.flags |= lt.torrent_flags.seed_mode
    params.save_path = "/nonexistent"
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    handles.append(session.add_torrent(params))
    if mode == "seed":  # who asks a node more than five times a second is not heard for minutes
        handles[-1].force_dht_announce()
        time.sleep(1)
if mode == "get":
    wait_for(lt.metadata_received_alert)
    print("METADATA", flush=True)
else:
    print("READY", flush=True)
while True:
    session.wait_for_alert(1000)
    session.pop_alerts()
