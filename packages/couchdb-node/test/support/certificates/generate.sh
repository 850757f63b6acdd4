#!/bin/sh
# Generates the certificates of the tests in this folder. Valid ones expire in the year 9999.
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/index"
cat >"$work/ca.cnf" <<END
[ca]
default_ca = ours
[ours]
database = $work/index
new_certs_dir = $work
default_md = sha256
policy = names
unique_subject = no
rand_serial = yes
[names]
commonName = supplied
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[server]
basicConstraints = critical,CA:false
subjectAltName = DNS:localhost,IP:127.0.0.1
[other]
basicConstraints = critical,CA:false
subjectAltName = DNS:couch.example
END

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
request() { openssl req -new -key "$1" -subj "/CN=$2" -out "$work/request"; }
# sign NAME EXTENSIONS BEGIN END ISSUER_OPTIONS
sign() {
  name=$1 extensions=$2 begin=$3 end=$4
  shift 4
  openssl ca -batch -notext -config "$work/ca.cnf" -in "$work/request" -out "$name.pem" -extensions "$extensions" \
    -startdate "$begin" -enddate "$end" "$@"
}
past=20000101000000Z
never=99991231235959Z

key "$work/root.key"
request "$work/root.key" "Test root"
sign root authority $past $never -selfsign -keyfile "$work/root.key"
by_root="-cert root.pem -keyfile $work/root.key"

key "$work/intermediate.key"
request "$work/intermediate.key" "Test intermediate"
sign intermediate authority $past $never $by_root

key server.key
request server.key localhost
sign valid server $past $never $by_root
sign expired server $past 20010101000000Z $by_root
sign notYetValid server 99990101000000Z $never $by_root
sign otherHost other $past $never $by_root
sign underIntermediate server $past $never -cert intermediate.pem -keyfile "$work/intermediate.key"
sign selfSigned server $past $never -selfsign -keyfile server.key
