import AsyncHTTPClient
import Crypto
import NIOCore

/// Puts an object in parts, each with its own checksum; it is there once all of them are.
///
/// Source: "Uploading and copying objects using multipart upload" of the documentation of Amazon S3.
struct ObjectUpload {
    /// The most parts of an object.
    private static let mostParts = 10_000

    private let store: ObjectStore
    private let key: String
    private let size: Int
    private let partByteCount: Int
    private let read: @Sendable (Range<Int>) throws -> [UInt8]

    /// An upload of `size` bytes under `key`, of which `read` gives those of a range.
    ///
    /// Parts have `partByteCount` bytes, or more if they would be too many.
    init(
        _ store: ObjectStore,
        _ key: String,
        size: Int,
        partByteCount: Int,
        _ read: @escaping @Sendable (Range<Int>) throws -> [UInt8]
    ) {
        self.store = store
        self.key = key
        self.size = size
        self.partByteCount = max(partByteCount, size / ObjectUpload.mostParts + 1)
        self.read = read
    }

    /// Does it; if it fails, the store is asked to forget the parts.
    func run() async throws(ObjectStore.Failure) {
        let begun = try await store.answer("POST", key, [("uploads", "")]).text
        guard let id = ObjectListing.value("UploadId", in: begun) else {
            throw ObjectStore.Failure(description: "POST \(key): the answer names no upload")
        }
        do throws(ObjectStore.Failure) {
            let parts = try await putParts(id)
            try await complete(id, parts)
        } catch {
            // Should this fail as well, the first failure says more.
            do throws(ObjectStore.Failure) {
                _ = try await store.answer("DELETE", key, [("uploadId", id)])
            } catch {}
            throw error
        }
    }

    // MARK: - Private

    /// What the store calls the parts, in their order.
    private func putParts(_ id: String) async throws(ObjectStore.Failure) -> [String] {
        var parts: [String] = []
        for start in stride(from: 0, to: size, by: partByteCount) {
            let range = start..<min(size, start + partByteCount)
            let hash = try hash(of: range)
            let query = [("partNumber", "\(parts.count + 1)"), ("uploadId", id)]
            let headers = try await store.answer("PUT", key, query, payload: hash) {
                [read] in .pieces(of: range, read)
            }.headers
            guard let tag = headers.first(name: "etag") else {
                throw ObjectStore.Failure(description: "PUT \(key): the answer names no part")
            }
            parts.append(tag)
        }
        return parts
    }

    private func complete(_ id: String, _ parts: [String]) async throws(ObjectStore.Failure) {
        var text = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        for (index, tag) in parts.enumerated() {
            text +=
                "<Part><PartNumber>\(index + 1)</PartNumber><ETag>\(ObjectListing.escaped(tag))</ETag></Part>"
        }
        text += "</CompleteMultipartUpload>"
        let body = Array(text.utf8)
        let hash = SHA256.hash(data: body).hexadecimal
        let answer = try await store.answer("POST", key, [("uploadId", id)], payload: hash) {
            .bytes(ByteBuffer(bytes: body))
        }.text
        // The status is sent before the parts are put together: an error comes in the body.
        guard ObjectListing.value("Code", in: answer) == nil else {
            throw ObjectStore.Failure(description: "POST \(key)\(ObjectListing.errorText(answer))")
        }
    }

    private func hash(of range: Range<Int>) throws(ObjectStore.Failure) -> String {
        var hash = SHA256()
        do {
            for start in stride(from: range.lowerBound, to: range.upperBound, by: 1 << 20) {
                hash.update(data: try read(start..<min(range.upperBound, start + 1 << 20)))
            }
        } catch {
            throw ObjectStore.Failure(description: "\(key): \(error)")
        }
        return hash.finalize().hexadecimal
    }
}
