from datetime import timedelta
from pytest_mtls import CertificateAuthority, Credential, KeyType

root = CertificateAuthority("Example Root", key_type=KeyType.EC_P256)
issuing = root.intermediate("Example Issuing CA")
device = issuing.issue_client(
    "device-0042", subject="CN=device-0042,OU=Sensors,O=Example,C=US",
    sans=["URI:spiffe://example.org/device/42", "DNS:device-0042.example", "IP:10.0.0.42", "email:ops@example.org"],
    lifetime=timedelta(hours=8), serial_number=0x1001, key_type=KeyType.ED25519)
bare = device.without_chain()
files = device.write_to("certs")                 # files.certificate, .key, .chain, .pkcs12: paths, keys 0600
bundle = device.pkcs12("secret")                 # for a browser
issuing.revoke(device)
crls = issuing.crl_bundle()                      # this CA's CRL and those of every CA above it, as nginx needs
outside = Credential.from_pem(open("chain.pem", "rb").read(), open("key.pem", "rb").read())   # sent as it is
