import Testing

/// The module table holds: in the sources' own import lines and in the manifest.
@Suite struct ModuleTableTests {
  let tree: SourceTree

  init() throws {
    tree = try SourceTree.current()
  }

  @Test func `every folder of Sources is in the table`() {
    let unknown = Set(tree.modules.keys).subtracting(ModuleTable.direct.keys)
    #expect(unknown.isEmpty, "no line in the table for \(unknown.sorted())")
  }

  @Test func `the table has no cycle`() {
    for module in ModuleTable.direct.keys {
      #expect(
        !ModuleTable.allowed(module).contains(module), "\(module) may import itself, by others")
    }
  }

  @Test func `a file imports what its module may`() {
    for (module, files) in tree.modules {
      let allowed = ModuleTable.allowed(module).union(ModuleTable.openToAll).union([module])
      for file in files {
        for (imported, line) in file.imports where !allowed.contains(imported) {
          Issue.record("\(file.path):\(line): \(module) may not import \(imported)")
        }
      }
    }
  }

  @Test func `Training reaches no KnowledgeSource`() {
    #expect(!ModuleTable.allowed("Training").contains("KnowledgeSource"))
    let imported = ModuleTable.reachable(from: "Training") { tree.imports(of: $0) }
    #expect(!imported.contains("KnowledgeSource"))
    let linked = ModuleTable.reachable(from: "Training") { tree.manifestTargets[$0] ?? [] }
    #expect(!linked.contains("KnowledgeSource"))
  }

  @Test func `the manifest's targets depend on what their modules may import`() {
    let targets = tree.manifestTargets
    #expect(Set(tree.modules.keys).isSubset(of: targets.keys), "a module without a target")
    for (target, dependencies) in targets {
      let allowed = ModuleTable.allowed(target).union(ModuleTable.openToAll)
      let unwanted = dependencies.subtracting(allowed).sorted()
      #expect(unwanted.isEmpty, "Package.swift: \(target) may not depend on \(unwanted)")
    }
  }

  @Test func `what a module imports, its target depends on`() {
    let targets = tree.manifestTargets
    for module in tree.modules.keys.sorted() {
      let linked = ModuleTable.reachable(from: module) {
        targets[$0] ?? ModuleTable.external[$0] ?? []
      }
      let needed = tree.imports(of: module).subtracting(ModuleTable.toolchain)
      let missing = needed.subtracting(linked).subtracting([module]).sorted()
      #expect(
        missing.isEmpty, "Package.swift: \(module) depends on no \(missing), which it imports")
    }
  }
}
