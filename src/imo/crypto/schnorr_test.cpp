// imo makes no Schnorr signatures. BIP-340's vectors check that the libsecp256k1 we link does the
// arithmetic of this curve as its specification says (bip-0340/test-vectors.csv of bitcoin/bips).
#include "imo/base/hex.hpp"

#include <memory>

#include <gtest/gtest.h>
#include <secp256k1_schnorrsig.h>

namespace imo::crypto {
namespace {

struct SigningVector {
  std::string secret_key;
  std::string public_key;
  std::string randomness;
  std::string message;
  std::string signature;
};

const std::vector<SigningVector> kSigned = {
    {"0000000000000000000000000000000000000000000000000000000000000003",
     "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "e907831f80848d1069a5371b402410364bdf1c5f8307b0084c55f1ce2dca8215"
     "25f66a4a85ea8b71e482a74f382d2ce5ebeee8fdb2172f477df4900d310536c0"},
    {"b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef",
     "dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
     "0000000000000000000000000000000000000000000000000000000000000001",
     "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
     "6896bd60eeae296db48a229ff71dfe071bde413e6d43f917dc8dcf8c78de3341"
     "8906d11ac976abccb20b091292bff4ea897efcb639ea871cfa95f6de339e4b0a"},
    {"c90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b14e5c9",
     "dd308afec5777e13121fa72b9cc1b7cc0139715309b086c960e18fd969774eb8",
     "c87aa53824b4d7ae2eb035a2b5bbbccc080e76cdc6d1692c4b0b62d798e6d906",
     "7e2d58d8b3bcdf1abadec7829054f90dda9805aab56c77333024b9d0a508b75c",
     "5831aaeed7b44bb74e5eab94ba9d4294c49bcf2a60728d8b4c200f50dd313c1b"
     "ab745879a5ad954a72c45a91c3a51d3c7adea98d82f8481e0e1e03674a6f3fb7"},
    {"0b432b2677937381aef05bb02a66ecd012773062cf3fa2549e44f58ed2401710",
     "25d1dff95105f5253c4022f628a996ad3a0d95fbf21d468a1b33f8c160d8f517",
     "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
     "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
     "7eb0509757e246f19449885651611cb965ecc1a187dd51b64fda1edc9637d5ec"
     "97582b9cb13db3933705b32ba982af5af25fd78881ebb32771fc5922efc66ea3"},
};

struct VerificationVector {
  std::string public_key;
  std::string message;
  std::string signature;
  bool valid;
  std::string comment;
};

const std::vector<VerificationVector> kVerified = {
    {"d69c3509bb99e412e68b0fe8544e72837dfa30746d8be2aa65975f29d22dc7b9",
     "4df3c3f68fcc83b27e9d42c90431a72499f17875c81a599b566c9889b9696703",
     "00000000000000000000003b78ce563f89a0ed9414f5aa28ad0d96d6795f9c63"
     "76afb1548af603b3eb45c9f8207dee1060cb71c04e80f593060b07d28308d7f4",
     true, "r has leading zeros"},
    {"eefdea4cdb677750a420fee807eacf21eb9898ae79b9768766e4faa04a2d4a34",
     "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
     "6cff5c3ba86c69ea4b7376f31a9bcb4f74c1976089b2d9963da2e5543e177769"
     "69e89b4c5564d00349106b8497785dd7d1d713a8ae82b32fa79d5f7fc407d39b",
     false, "public key not on the curve"},
    {"dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
     "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
     "fff97bd5755eeea420453a14355235d382f6472f8568a18b2f057a1460297556"
     "3cc27944640ac607cd107ae10923d9ef7a73c643e166be5ebeafa34b1ac553e2",
     false, "has_even_y(R) is false"},
    {"dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
     "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
     "1fa62e331edbc21c394792d2ab1100a7b432b013df3f6ff4f99fcb33e0e1515f"
     "28890b3edb6e7189b630448b515ce4f8622a954cfe545735aaea5134fccdb2bd",
     false, "negated message"},
    {"dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
     "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
     "6cff5c3ba86c69ea4b7376f31a9bcb4f74c1976089b2d9963da2e5543e177769"
     "961764b3aa9b2ffcb6ef947b6887a226e8d7c93e00c5ed0c1834ff0d0c2e6da6",
     false, "negated s value"},
    {"dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
     "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
     "0000000000000000000000000000000000000000000000000000000000000000"
     "123dda8328af9c23a94c1feecfd123ba4fb73476f0d594dcb65c6425bd186051",
     false, "sG - eP is infinite"},
    {"dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
     "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
     "0000000000000000000000000000000000000000000000000000000000000001"
     "7615fbaf5ae28864013c099742deadb4dba87f11ac6754f93780d5a1837cf197",
     false, "sG - eP is infinite"},
    {"dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
     "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
     "4a298dacae57395a15d0795ddbfd1dcb564da82b0f269bc70a74f8220429ba1d"
     "69e89b4c5564d00349106b8497785dd7d1d713a8ae82b32fa79d5f7fc407d39b",
     false, "sig[0:32] is not an X coordinate on the curve"},
    {"dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
     "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
     "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"
     "69e89b4c5564d00349106b8497785dd7d1d713a8ae82b32fa79d5f7fc407d39b",
     false, "sig[0:32] is equal to field size"},
    {"dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
     "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
     "6cff5c3ba86c69ea4b7376f31a9bcb4f74c1976089b2d9963da2e5543e177769"
     "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
     false, "sig[32:64] is equal to curve order"},
    {"fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc30",
     "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
     "6cff5c3ba86c69ea4b7376f31a9bcb4f74c1976089b2d9963da2e5543e177769"
     "69e89b4c5564d00349106b8497785dd7d1d713a8ae82b32fa79d5f7fc407d39b",
     false, "public key is not a valid X coordinate because it exceeds the field size"},
};

struct DestroyContext {
  void operator()(secp256k1_context* context) const { secp256k1_context_destroy(context); }
};

class Schnorr : public testing::Test {
 protected:
  [[nodiscard]] bool verify(const std::string& public_key, const std::string& message,
                            const std::string& signature) const {
    secp256k1_xonly_pubkey key;
    const Bytes data = from_hex(message).value();
    return secp256k1_xonly_pubkey_parse(context_.get(), &key,
                                        from_hex(public_key).value().data()) == 1 &&
           secp256k1_schnorrsig_verify(context_.get(), from_hex(signature).value().data(),
                                       data.data(), data.size(), &key) == 1;
  }

  std::unique_ptr<secp256k1_context, DestroyContext> context_{
      secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY)};
};

TEST_F(Schnorr, SigningVectors) {
  for (const auto& vector : kSigned) {
    secp256k1_keypair pair;
    FixedBytes<64> signature;
    ASSERT_EQ(
        secp256k1_keypair_create(context_.get(), &pair, from_hex(vector.secret_key).value().data()),
        1);
    ASSERT_EQ(secp256k1_schnorrsig_sign32(context_.get(), signature.bytes.data(),
                                          from_hex(vector.message).value().data(), &pair,
                                          from_hex(vector.randomness).value().data()),
              1);
    EXPECT_EQ(to_hex(signature), "0x" + vector.signature);
    EXPECT_TRUE(verify(vector.public_key, vector.message, vector.signature));
  }
}

TEST_F(Schnorr, VerificationVectors) {
  for (const auto& vector : kVerified) {
    EXPECT_EQ(verify(vector.public_key, vector.message, vector.signature), vector.valid)
        << vector.comment;
  }
}

}  // namespace
}  // namespace imo::crypto
