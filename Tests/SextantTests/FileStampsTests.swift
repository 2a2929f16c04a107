import Testing

@testable import sextant

@Suite struct FileStampsTests {
    @Test("What changes, comes or goes changes the stamps, what does not concern them does not")
    func changes() throws {
        let folder = try TestFolder()
        try folder.write("1", to: "rules/a.yml")
        try folder.write("1", to: "other/x1.yml")
        let retention = folder.path + "/retention.yaml"
        var stamps = FileStamps()
        stamps.add([folder.path + "/rules"])
        stamps.add([folder.path + "/other/x*.yml", retention])
        #expect(stamps.taken() == stamps)
        /// Whether the last step changed what the files look like.
        func isChanged() -> Bool {
            let now = stamps.taken()
            defer { stamps = now }
            return now != stamps
        }
        #expect(!isChanged())
        try folder.write("22", to: "rules/a.yml")
        #expect(isChanged())
        try folder.write("1", to: "rules/b.yml")
        #expect(isChanged())
        try folder.write("1", to: "rules/notes.txt")
        try folder.write("1", to: "other/y.yml")
        #expect(!isChanged())
        try folder.write("1", to: "other/x2.yml")
        #expect(isChanged())
        try folder.remove("other/x1.yml")
        #expect(isChanged())
        try folder.write("1", to: "retention.yaml")
        #expect(isChanged())
        try folder.remove("retention.yaml")
        #expect(isChanged())
        try folder.remove("rules/a.yml")
        try folder.remove("rules/b.yml")
        #expect(isChanged())
        #expect(!isChanged())
    }
}
