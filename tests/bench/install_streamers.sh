#!/bin/sh
# install_streamers.sh DIR: webtorrent and peerflix from npm below DIR, once, to be compared with us;
# each in a folder of its own, for they want other versions of the same packages.
# Nothing of theirs is compiled or run at installation: webtorrent's WebRTC, which would need that, is
# replaced by nothing, for TCP does without. Where npm is missing or reaches nobody they are left out.
set -u
if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    echo "npm is not installed: mare is not compared with webtorrent and peerflix"
    exit 0
fi
# webtorrent 3 asks for a newer node than many have and runs on theirs, which 2 does not any more.
for name in webtorrent peerflix; do
    [ -d "$1/$name/node_modules/$name" ] && continue
    mkdir -p "$1/$name"
    npm install --ignore-scripts --no-audit --no-fund --loglevel=error --prefix "$1/$name" \
        "$name@$([ $name = webtorrent ] && echo 3 || echo latest)" ||
        echo "npm cannot install $name: it is left out"
done
stub=$1/webtorrent/node_modules/webrtc-polyfill/index.js
if [ -e "$stub" ]; then
    for name in RTCPeerConnection RTCSessionDescription RTCIceCandidate; do
        echo "export class $name {}"
    done >"$stub"
    echo 'export default {}' >>"$stub"
fi
exit 0
