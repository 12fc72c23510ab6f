"""OAuth 2.1 for assistants that know no other way: the authorization server, and the proofs of its tokens.

Authlib carries the protocol, joserfc the keys. Every rule is in `vault.connecting` and `vault.renewing`: a view here
decodes, calls one method of the vault, and encodes.
"""
