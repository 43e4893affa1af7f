// The part of OpenSSL's libcrypto that the project uses: message digests. Package.swift links it.

#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <openssl/evp.h>

#endif
