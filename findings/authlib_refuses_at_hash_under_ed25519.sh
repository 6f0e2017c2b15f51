#!/bin/sh
# Authlib 1.9.10 and joserfc 1.8.0: an ID token that is signed under "Ed25519", the name that RFC 9864 gives to that
# signature in place of "EdDSA", is read by joserfc, and then refused by Authlib if it has an `at_hash`: Authlib takes the
# hash's size from the last digits of the algorithm's name ("519") and knows "EdDSA" alone as an exception. The same token
# under "EdDSA" passes.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "authlib==1.9.10" "joserfc==1.8.0" "cryptography==50.0.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import hashlib

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import OKPKey

key = OKPKey.generate_key("Ed25519")
access_token = "an access token"
half = hashlib.sha512(access_token.encode()).digest()[:32]
claims = {"sub": "a person", "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode()}


def seen(alg):
    token = jwt.decode(jwt.encode({"alg": alg}, claims, key, algorithms=[alg]), key, algorithms=[alg])
    told = CodeIDToken(token.claims, token.header, {}, {"access_token": access_token})
    try:
        told.validate_at_hash()
    except Exception as refused:
        return f"refused: {type(refused).__name__}"
    return "taken"


found = {alg: seen(alg) for alg in ("EdDSA", "Ed25519")}
print(found)
assert found == {"EdDSA": "taken", "Ed25519": "refused: InvalidClaimError"}, found
PYTHON
