// swift-format-ignore-file: AlwaysUseLowerCamelCase
// Types keep the names that ggml gives them.

/// How a tensor's elements are stored. Quantised types store `blockElements` consecutive elements
/// of a row in `blockBytes` bytes; the plain ones are blocks of one.
///
/// Every type the formats define can be listed; `isFloatingPoint` tells which can be read as
/// float32, `isInteger` which as ids.
public enum ElementType: String, Sendable, Codable, CaseIterable {
  case f64 = "F64"
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case f8E4M3 = "F8_E4M3"
  case f8E5M2 = "F8_E5M2"
  case i64 = "I64"
  case i32 = "I32"
  case i16 = "I16"
  case i8 = "I8"
  case u64 = "U64"
  case u32 = "U32"
  case u16 = "U16"
  case u8 = "U8"
  case bool = "BOOL"
  case q4_0 = "Q4_0"
  case q4_1 = "Q4_1"
  case q5_0 = "Q5_0"
  case q5_1 = "Q5_1"
  case q8_0 = "Q8_0"
  case q2_K = "Q2_K"
  case q3_K = "Q3_K"
  case q4_K = "Q4_K"
  case q5_K = "Q5_K"
  case q6_K = "Q6_K"
  case iq1_S = "IQ1_S"
  case iq1_M = "IQ1_M"
  case iq2_XXS = "IQ2_XXS"
  case iq2_XS = "IQ2_XS"
  case iq2_S = "IQ2_S"
  case iq3_XXS = "IQ3_XXS"
  case iq3_S = "IQ3_S"
  case iq4_NL = "IQ4_NL"
  case iq4_XS = "IQ4_XS"
  case tq1_0 = "TQ1_0"
  case tq2_0 = "TQ2_0"
  case mxfp4 = "MXFP4"

  /// Elements and bytes of one block.
  var block: (elements: Int, bytes: Int) {
    switch self {
    case .f64, .i64, .u64: (1, 8)
    case .f32, .i32, .u32: (1, 4)
    case .f16, .bf16, .i16, .u16: (1, 2)
    case .f8E4M3, .f8E5M2, .i8, .u8, .bool: (1, 1)
    case .q4_0, .iq4_NL: (32, 18)
    case .q4_1: (32, 20)
    case .q5_0: (32, 22)
    case .q5_1: (32, 24)
    case .q8_0: (32, 34)
    case .mxfp4: (32, 17)
    case .q2_K: (256, 84)
    case .q3_K, .iq3_S: (256, 110)
    case .q4_K: (256, 144)
    case .q5_K: (256, 176)
    case .q6_K: (256, 210)
    case .iq1_S: (256, 50)
    case .iq1_M: (256, 56)
    case .iq2_XXS, .tq2_0: (256, 66)
    case .iq2_XS: (256, 74)
    case .iq2_S: (256, 82)
    case .iq3_XXS: (256, 98)
    case .iq4_XS: (256, 136)
    case .tq1_0: (256, 54)
    }
  }

  /// Elements in one block, 1 for plain types.
  public var blockElements: Int { block.elements }

  /// Bytes in one block.
  public var blockBytes: Int { block.bytes }

  /// Whether tensors of this type can be read as float32.
  public var isFloatingPoint: Bool {
    switch self {
    case .f32, .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0,
      .q2_K, .q3_K, .q4_K, .q5_K, .q6_K:
      true
    default: false
    }
  }

  /// Whether tensors of this type can be read as 64-bit integers.
  public var isInteger: Bool { self == .i64 || self == .i32 }

  /// The type that GGUF numbers `code`, as in ggml's `ggml_type`.
  init?(ggml code: UInt32) {
    switch code {
    case 0: self = .f32
    case 1: self = .f16
    case 2: self = .q4_0
    case 3: self = .q4_1
    case 6: self = .q5_0
    case 7: self = .q5_1
    case 8: self = .q8_0
    case 10: self = .q2_K
    case 11: self = .q3_K
    case 12: self = .q4_K
    case 13: self = .q5_K
    case 14: self = .q6_K
    case 16: self = .iq2_XXS
    case 17: self = .iq2_XS
    case 18: self = .iq3_XXS
    case 19: self = .iq1_S
    case 20: self = .iq4_NL
    case 21: self = .iq3_S
    case 22: self = .iq2_S
    case 23: self = .iq4_XS
    case 24: self = .i8
    case 25: self = .i16
    case 26: self = .i32
    case 27: self = .i64
    case 28: self = .f64
    case 29: self = .iq1_M
    case 30: self = .bf16
    case 34: self = .tq1_0
    case 35: self = .tq2_0
    case 39: self = .mxfp4
    default: return nil
    }
  }

  /// The type a safetensors header spells `name`; only plain types occur there.
  init?(safetensors name: String) {
    guard let type = ElementType(rawValue: name), type.blockElements == 1 else { return nil }
    self = type
  }
}
