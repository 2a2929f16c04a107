import Testing

@Suite("The module map")
struct ArchitectureTests {
    @Test("knows every target there is")
    func targets() {
        let folders = Set(SourceTree.swiftFiles(below: "Sources").map { target(of: $0) })
        #expect(folders.contains("Model"), "no sources found below \(SourceTree.root)")
        #expect(folders.subtracting(ModuleMap.imports.keys) == [])
    }

    @Test("holds: each target imports only what is below it")
    func arrows() {
        let ours = Set(ModuleMap.imports.keys).union(ModuleMap.imports.values.flatMap { $0 })
        for file in SourceTree.swiftFiles(below: "Sources") {
            let allowed = ModuleMap.imports[target(of: file)] ?? []
            for line in file.lines {
                guard let module = ModuleMap.module(importedBy: line), ours.contains(module) else { continue }
                #expect(allowed.contains(module), "\(file.path) imports \(module)")
            }
        }
    }

    @Test("holds: what has one home is imported only there")
    func reserved() {
        for file in SourceTree.swiftFiles(below: "Sources") {
            for line in file.lines {
                guard let module = ModuleMap.module(importedBy: line) else { continue }
                for (prefix, targets) in ModuleMap.reserved where module.hasPrefix(prefix) {
                    #expect(targets.contains(target(of: file)), "\(file.path) imports \(module)")
                }
            }
        }
    }

    @Test(
        "reads import lines",
        arguments: [
            ("import Model", "Model"), ("@testable import Storage", "Storage"),
            ("public import NIOCore", "NIOCore"),
            ("import struct Foundation.Data", "Foundation"),
            ("  @preconcurrency package import Glibc", "Glibc"),
            ("// import Model", nil), ("important()", nil),
        ] as [(String, String?)]
    )
    func importLines(line: String, module: String?) {
        #expect(ModuleMap.module(importedBy: line[...]) == module)
    }

    private func target(of file: SourceTree.File) -> String {
        String(file.path.split(separator: "/")[1])
    }
}
