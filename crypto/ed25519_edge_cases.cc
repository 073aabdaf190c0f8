// Made for Kiln from fixed seeds. All but the last satisfy the verification equation, some only
// when it is multiplied by the cofactor, so that nothing but the rule under test refuses them.
#include "crypto/ed25519_edge_cases.h"

namespace kiln::crypto {
namespace {

constexpr Ed25519EdgeCase kEdgeCases[] = {
    {"plain", "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4", "kiln edge case",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "4c0acf598c3b3365af582d2a2007f5418cbab07dcfc13b5fecfa56db495e5a0b",
     true},
    {"S + L", "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4", "kiln edge case",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "39dec4b6a69e45bd85f524cdfe00d4568cbab07dcfc13b5fecfa56db495e5a1b",
     false},
    {"S + the largest multiple of L that fits",
     "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4", "kiln edge case",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "2f7536cc170a478e3e89afb62bab057b8dbab07dcfc13b5fecfa56db495e5afb",
     false},
    {"small-order R (identity)", "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4",
     "kiln edge case",
     "0100000000000000000000000000000000000000000000000000000000000000"
     "513fcfec470722157ab78d66594e9fa437a642f473238e8f02ddca8d9f1e5f00",
     false},
    {"small-order R (order 2)", "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4",
     "kiln edge case",
     "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
     "4607829cb55701e53ece975117e9b7abd512bb0c1d715095e2d8c1860cbb3901",
     false},
    {"small-order R (order 8)", "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4",
     "kiln edge case",
     "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
     "2e9f83a9a94e6667d667e0795467fe0d5013dc7348ce4566f6726f10ac38e801",
     false},
    {"non-canonical R, edff..7f",
     "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4", "kiln edge case",
     "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
     "7e5667de65eeef9776ed25a3693fac0a145e30b23d4d161ef575264a12b7330c",
     false},
    {"non-canonical R, edff..ff",
     "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4", "kiln edge case",
     "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
     "36b69d0a77715acfd0920bb855f40f61053ccc23b201bf1d04829b63ee5c680a",
     false},
    {"non-canonical R, eeff..7f",
     "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4", "kiln edge case",
     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
     "c2d5fa36d656b99623e72b0a52cdb0515bab53632f812cc51bc3f559fa1fbb0f",
     false},
    {"non-canonical R, 0100..80",
     "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4", "kiln edge case",
     "0100000000000000000000000000000000000000000000000000000000000080"
     "5eb41d29c84e3439e910db1430a689c27f3ce6579d018dd23e549bb2f2d0b300",
     false},
    {"non-canonical R, eeff..ff",
     "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4", "kiln edge case",
     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
     "adf1ac11a2ebd16598110fb878bb51d01a9fdffe42602c7a2ef014962391eb0b",
     false},
    {"non-canonical R, ecff..ff",
     "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4", "kiln edge case",
     "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
     "83990470e6d2b3f92839d8ca4f0944c7012b6e4cd38fe1f267f0cecb8e1eac01",
     false},
    {"small-order A (identity)", "0100000000000000000000000000000000000000000000000000000000000000",
     "kiln edge case 0",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "9eae5aa738003211590a7ce9990bb5af67d808b474b24a4d7a3c1b67cdd31402",
     false},
    {"small-order A (order 2)", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
     "kiln edge case 3",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "9eae5aa738003211590a7ce9990bb5af67d808b474b24a4d7a3c1b67cdd31402",
     false},
    {"small-order A (order 8)", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
     "kiln edge case 21",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "9eae5aa738003211590a7ce9990bb5af67d808b474b24a4d7a3c1b67cdd31402",
     false},
    {"non-canonical A, edff..7f",
     "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "kiln edge case 3",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "9eae5aa738003211590a7ce9990bb5af67d808b474b24a4d7a3c1b67cdd31402",
     false},
    {"non-canonical A, edff..ff",
     "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "kiln edge case 3",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "9eae5aa738003211590a7ce9990bb5af67d808b474b24a4d7a3c1b67cdd31402",
     false},
    {"non-canonical A, eeff..7f",
     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "kiln edge case 0",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "9eae5aa738003211590a7ce9990bb5af67d808b474b24a4d7a3c1b67cdd31402",
     false},
    {"non-canonical A, 0100..80",
     "0100000000000000000000000000000000000000000000000000000000000080", "kiln edge case 0",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "9eae5aa738003211590a7ce9990bb5af67d808b474b24a4d7a3c1b67cdd31402",
     false},
    {"non-canonical A, eeff..ff",
     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "kiln edge case 0",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "9eae5aa738003211590a7ce9990bb5af67d808b474b24a4d7a3c1b67cdd31402",
     false},
    {"non-canonical A, ecff..ff",
     "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "kiln edge case 4",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "9eae5aa738003211590a7ce9990bb5af67d808b474b24a4d7a3c1b67cdd31402",
     false},
    {"mixed-order A, equation holds without the cofactor",
     "ba64015c1e6c9dc9a3751c7d8d98ba0733889f0a7ca0ab1f922dc036df8a9654", "kiln edge case 2",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "21a3fe42b02d00ef86364b14b8197888dab44c32130cb6e8178f859865f33a06",
     true},
    {"mixed-order A, equation holds only with the cofactor",
     "ba64015c1e6c9dc9a3751c7d8d98ba0733889f0a7ca0ab1f922dc036df8a9654", "kiln edge case 0",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "23bb7a94ff9b4e061fd1c2deb28c5012afa7bbee795a2f5af08e54944ecec30d",
     false},
    {"mixed-order R, equation holds only with the cofactor",
     "41dd32b73a63eb26ab236e2b614ecc7136ccedfa7309547e90daddf8ab0a9ba4", "kiln edge case",
     "a54eb6a11d437c00987357f5cfc69dcdb42639452ec0427618ad3dabcf95c126"
     "523b8b3e745668959040c6e4ff97add8841e4f6aad7f9d540b59c5f515d4960a",
     false},
    {"mixed-order A and R, equation holds without the cofactor",
     "ba64015c1e6c9dc9a3751c7d8d98ba0733889f0a7ca0ab1f922dc036df8a9654", "kiln edge case 1",
     "a54eb6a11d437c00987357f5cfc69dcdb42639452ec0427618ad3dabcf95c126"
     "1570fcc89b5168bb8d2605f359becaf274feaa2c0673daafbbc0ed830a3bbe0e",
     true},
    {"A not on the curve", "0200000000000000000000000000000000000000000000000000000000000000",
     "kiln edge case",
     "d8580f3b8ce1c8297dfbe0f5e788f9afd8a6be50cdb361dad21a210c72a7a9c5"
     "9eae5aa738003211590a7ce9990bb5af67d808b474b24a4d7a3c1b67cdd31402",
     false},
};

constexpr absl::string_view kSmallOrder[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

}  // namespace

absl::Span<const Ed25519EdgeCase> Ed25519EdgeCases() {
  return kEdgeCases;
}
absl::Span<const absl::string_view> SmallOrderEncodings() {
  return kSmallOrder;
}

}  // namespace kiln::crypto
