#!/usr/bin/python3
"""Makes a plain version 1 torrent of a folder, without pad files: pieces span the files, which
are in the order of their paths' bytes.

    make_torrent.py FOLDER TORRENT PIECE_LENGTH [TRACKER_URL]...    (prints the info-hash)
"""
import os
import sys

import libtorrent as lt

folder, target, piece_length, *trackers = sys.argv[1:]
files = lt.file_storage()
parent = os.path.dirname(folder)
paths = [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names]
for path in sorted(paths, key=os.fsencode):
    files.add_file(os.path.relpath(path, parent), os.path.getsize(path))
torrent = lt.create_torrent(files, piece_size=int(piece_length), flags=lt.create_torrent.v1_only)
for tier, url in enumerate(trackers):
    torrent.add_tracker(url, tier)
lt.set_piece_hashes(torrent, parent)
with open(target, "wb") as out:
    out.write(lt.bencode(torrent.generate()))
info = lt.torrent_info(target)
assert info.piece_length() == int(piece_length)
print(info.info_hashes().v1)
