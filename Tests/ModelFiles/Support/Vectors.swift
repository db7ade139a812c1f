import TestSupport

/// The committed files that other programs wrote, as `make_vectors.py` says.
enum Vectors {
  static func path(_ name: String) -> String { Checkout.path("Tests/ModelFiles/Vectors/" + name) }

  static func bytes(_ name: String) throws -> [UInt8] {
    try Checkout.bytes("Tests/ModelFiles/Vectors/" + name)
  }
}
