import Foundation
import TestSupport
import Testing

/// The checkout that this test was built from, read as text.
struct SourceTree: Sendable {
  struct File: Sendable {
    /// From the checkout's folder.
    let path: String
    let lines: [Substring]
    /// The modules imported here, each with its line, from 1.
    let imports: [(module: String, line: Int)]
  }

  /// The modules' files by module: the folders of `Sources`.
  let modules: [String: [File]]
  let manifest: String

  /// Read once for all tests.
  static func current() throws -> SourceTree { try reading.get() }
  private static let reading = Result { try SourceTree() }

  private init() throws {
    let sources = URL(fileURLWithPath: Checkout.path("Sources"))
    var modules: [String: [File]] = [:]
    let paths = try #require(FileManager.default.enumerator(atPath: sources.path))
    for case let path as String in paths {
      let parts = path.split(separator: "/")
      guard parts.count > 1, ["swift", "c", "h", "inc"].contains((path as NSString).pathExtension)
      else {
        continue
      }
      let text = try String(contentsOf: sources.appendingPathComponent(path), encoding: .utf8)
      modules[String(parts[0]), default: []].append(File(path: "Sources/\(path)", text: text))
    }
    self.modules = modules
    manifest = try Checkout.text("Package.swift")
  }
}

extension SourceTree.File {
  init(path: String, text: String) {
    self.path = path
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    imports = path.hasSuffix(".swift") ? lines.enumerated().compactMap(Self.imported) : []
  }

  var isSwift: Bool { path.hasSuffix(".swift") }

  /// The module that a line imports: `import M`, maybe with attributes, an access level or a kind of
  /// declaration before M.
  private static func imported(index: Int, line: Substring) -> (module: String, line: Int)? {
    guard line.contains("import ") else { return nil }
    let pattern =
      #/
      ^\s* (?:@\w+(?:\([^)]*\))?\s+)* (?:\w+\s+)? import\s+
      (?:(?:struct|class|enum|protocol|func|var|let|typealias|actor)\s+)? (\w+)
      /#
    return line.firstMatch(of: pattern).map { (String($0.1), index + 1) }
  }
}

extension SourceTree {
  /// The modules that a module's files import.
  func imports(of module: String) -> Set<String> {
    Set((modules[module] ?? []).flatMap { $0.imports.map(\.module) })
  }

  /// The manifest's targets but for tests, with the modules that each names as its dependencies.
  var manifestTargets: [String: Set<String>] {
    // `let crypto: Target.Dependency = .product(name: "Crypto", ...)` gives a dependency a short name.
    var constants: [String: String] = [:]
    for match in manifest.matches(of: /let (\w+): Target\.Dependency = \.product\(\s*name: "(\w+)"/)
    {
      constants[String(match.1)] = String(match.2)
    }
    var targets: [String: Set<String>] = [:]
    let target =
      #/
      \.(?:target|executableTarget|systemLibrary)\(\s* name:\ "(\w+)" ([^;]*?) (?=\n\x20{4}\.)
      /#
    for match in manifest.matches(of: target) {
      var named: Set<String> = []
      if let list = match.2.firstMatch(of: /dependencies: \[((?:[^\[\]]|\[[^\]]*\])*)\]/)?.1 {
        for product in list.matches(of: /\.product\(\s*name: "(\w+)"/) {
          named.insert(String(product.1))
        }
        let rest = list.replacing(/\.product\([^)]*\)/, with: "")
        for target in rest.matches(of: /"(\w+)"/) { named.insert(String(target.1)) }
        for name in rest.replacing(/"[^"]*"/, with: "").matches(of: /\w+/) {
          named.insert(constants[String(name.0)] ?? String(name.0))
        }
      }
      targets[String(match.1)] = named
    }
    return targets
  }
}
