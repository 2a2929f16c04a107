import Foundation
import Outbound
import Storage

/// Backups in a bucket of an S3-compatible object store.
struct S3Target: BackupTarget {
    private let store: ObjectStore
    /// What keys begin with: empty, or with a slash at its end.
    private let prefix: String

    /// The backups at `address`, such as `s3://bucket/prefix`.
    ///
    /// - Throws: `Misuse` if the address is none, or there are no credentials.
    init(_ address: String, endpoint: String?, region: String?) throws {
        let environment = ProcessInfo.processInfo.environment
        let rest = address.dropFirst(S3Target.scheme.count)
        let bucket = rest.prefix { $0 != "/" }
        guard !bucket.isEmpty else {
            throw Misuse(description: "\(address) names no bucket, as s3://bucket/prefix does")
        }
        guard let credentials = ObjectStoreCredentials(environment: environment) else {
            throw Misuse(
                description:
                    "no credentials for \(address): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                    + "or AWS_SHARED_CREDENTIALS_FILE"
            )
        }
        let region = region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1"
        store = try ObjectStore(
            endpoint: endpoint ?? environment["AWS_ENDPOINT_URL_S3"] ?? environment["AWS_ENDPOINT_URL"]
                ?? "https://s3.\(region).amazonaws.com",
            region: region,
            bucket: String(bucket),
            credentials: credentials
        )
        let folders = rest.dropFirst(bucket.count).split(separator: "/").joined(separator: "/")
        prefix = folders.isEmpty ? "" : folders + "/"
    }

    /// What addresses of object stores begin with.
    static let scheme = "s3://"

    func list(_ folder: String) async throws -> [String: Int] {
        let start = "\(prefix)\(folder)/"
        var sizes: [String: Int] = [:]
        for (key, size) in try await store.list(start) { sizes[String(key.dropFirst(start.count))] = size }
        return sizes
    }

    func put(_ bytes: [UInt8], at path: String) async throws {
        try await store.put(bytes, key: prefix + path)
    }

    func put(_ file: any File, size: Int, sha256: String, at path: String) async throws {
        try await store.put(size: size, sha256: sha256, key: prefix + path) { range in
            try file.read(at: range.lowerBound, count: range.count)
        }
    }

    func read(_ path: String, _ body: ([UInt8]) throws -> Void) async throws {
        try await store.read(prefix + path, body)
    }

    func remove(_ path: String) async throws { try await store.remove(prefix + path) }
}
