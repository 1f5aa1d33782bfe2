#ifndef TI_TESTS_CERTIFICATES_H
#define TI_TESTS_CERTIFICATES_H

/* Two certificates whose keys nobody has: one valid until 2126 (GeneralizedTime), one until
 * 2020-02-03 04:05:06 UTC (UTCTime, and of version 1, which leaves the version out). */

static const char certificate_valid[] = "-----BEGIN CERTIFICATE-----\n"
                                        "MIIBdDCCARugAwIBAgIUGq+hKP0JKvHGGgyW4VfQXz88Ed4wCgYIKoZIzj0EAwIw\n"
                                        "DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjEwMTE5MzZaGA8yMTI2MTAyODAxMTkz\n"
                                        "NlowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABE1m\n"
                                        "yIyCSu4PWIr3Bjw481DXCRsVwvYcnUwtyi0ANRic7thEn7w7rg1HaLfPGIESluae\n"
                                        "cDh+aE+4JuzfptWikXGjUzBRMB0GA1UdDgQWBBQl8mjWe5mjtVzoXPn+/TSJY4MQ\n"
                                        "NzAfBgNVHSMEGDAWgBQl8mjWe5mjtVzoXPn+/TSJY4MQNzAPBgNVHRMBAf8EBTAD\n"
                                        "AQH/MAoGCCqGSM49BAMCA0cAMEQCIEi1f5iqYP50DZ5GEa5/o+RUeLO2oolJl3na\n"
                                        "RFfv2T1LAiB6ZPqzO5yiCBnjxUj1DRYjhTMv9YKXIvozTydmRk/SXQ==\n"
                                        "-----END CERTIFICATE-----\n";

static const char certificate_expired[] = "-----BEGIN CERTIFICATE-----\n"
                                          "MIIBCTCBrwIBATAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDAR0ZXN0MB4XDTE5MDEw\n"
                                          "MTAwMDAwMFoXDTIwMDIwMzA0MDUwNlowEjEQMA4GA1UEAwwHZXhwaXJlZDBZMBMG\n"
                                          "ByqGSM49AgEGCCqGSM49AwEHA0IABE1myIyCSu4PWIr3Bjw481DXCRsVwvYcnUwt\n"
                                          "yi0ANRic7thEn7w7rg1HaLfPGIESluaecDh+aE+4JuzfptWikXEwCgYIKoZIzj0E\n"
                                          "AwIDSQAwRgIhAOZgAraqSbCiccGMYK2W7ytNFEzvXF+iSplJ7sNLYWsPAiEAmHH/\n"
                                          "mCSXDpcm5Q/3NtRnIofhpBRqryO0mFEA27Vrv44=\n"
                                          "-----END CERTIFICATE-----\n";

static const char not_really_a_key[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

#endif
