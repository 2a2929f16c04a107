/// Certificates for tests, valid until 2120; the keys protect nothing.
enum TestCertificates {
    /// The authority.
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBZDCCAQugAwIBAgIBATAKBggqhkjOPQQDAjAhMR8wHQYDVQQDDBZTZXh0YW50
        IHRlc3QgYXV0aG9yaXR5MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAw
        WjAhMR8wHQYDVQQDDBZTZXh0YW50IHRlc3QgYXV0aG9yaXR5MFkwEwYHKoZIzj0C
        AQYIKoZIzj0DAQcDQgAEP40Qi3qUHKXA7h4vc1AZkZjXV3Ljg6Tjvt/ifS+BqfTH
        jhUvOtK6ir+Ib3mdmVmod5coAnrbTwjfWitg+TuUmqMyMDAwDwYDVR0TAQH/BAUw
        AwEB/zAdBgNVHQ4EFgQURgmlWJW1D4desNno5Ikh6dszad0wCgYIKoZIzj0EAwID
        RwAwRAIgNrUpd6PJ0LL7l74rjc4tvLkjCZD2gfT0yru/izTNL/kCIAxNmB6u3RFn
        xktZoZsODtDRuNChMfhh/tGIyi5BKUIe
        -----END CERTIFICATE-----

        """

    /// The certificate of `alerts.example`, by the authority.
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBpzCCAU2gAwIBAgIBAjAKBggqhkjOPQQDAjAhMR8wHQYDVQQDDBZTZXh0YW50
        IHRlc3QgYXV0aG9yaXR5MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAw
        WjAZMRcwFQYDVQQDDA5hbGVydHMuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49
        AwEHA0IABBaNqldJX2uj3Y/Ble5IOLkSZcbhl9ZPmwah+Z2J/jRg1A0PCyvTSe1T
        N7lQjOtQwkhE0wLbSESbSmcopBtC3r2jfDB6MBkGA1UdEQQSMBCCDmFsZXJ0cy5l
        eGFtcGxlMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAdBgNVHQ4EFgQU
        0zDMYfbFkQb0e5OfuX87IrxawnAwHwYDVR0jBBgwFoAURgmlWJW1D4desNno5Ikh
        6dszad0wCgYIKoZIzj0EAwIDSAAwRQIhAJwgp5TaquaERZDwqjCu8mt4NRMRVwoB
        Q/+OWbpn2Hg3AiAHeoZ+tcSYZ4rtLK9w1BYrefs/FjA/zUMlzBBlsv2wQw==
        -----END CERTIFICATE-----

        """

    /// Its key.
    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgS+K2N579w2sAEmXj
        OHPoEAQ62D+I3Zt1SQTZslCD0mehRANCAAQWjapXSV9ro92PwZXuSDi5EmXG4ZfW
        T5sGofmdif40YNQNDwsr00ntUze5UIzrUMJIRNMC20hEm0pnKKQbQt69
        -----END PRIVATE KEY-----

        """
}
