import HTTPTypes

/// All paths that the server answers.
enum Routes {
    static let table = RouteTable(all)

    static let all: [Route] = prometheus + AnalyticsRoutes.all

    private static let prometheus: [Route] = [
        Route("/", [.get, .head], .always(LandingPage.show)),
        Route(LandingStyle.stylePath, [.get, .head], .always(LandingStyle.showStyle)),
        Route(LandingStyle.iconPath, [.get, .head], .always(LandingStyle.showIcon)),
        Route("/metrics", [.get, .head], .always(MetricsRoute.show)),
        Route("/metrics/job/\(Route.rest)", [.put, .post, .delete, .options], .ready(PushRoutes.plain)),
        Route(
            "/metrics/job@base64/\(Route.rest)",
            [.put, .post, .delete, .options],
            .ready(PushRoutes.encoded)
        ),
        Route("/api/v1/status", [.get], .ready(PushRoutes.status)),
        Route("/api/v1/metrics", [.get], .ready(PushRoutes.metrics)),
        Route("/api/v1/admin/wipe", [.put], .ready(PushRoutes.wipe)),

        Route("/-/healthy", [.get, .head], .always(HealthRoutes.healthy), isQuick: true),
        Route("/-/ready", [.get, .head], .always(HealthRoutes.ready), isQuick: true),
        Route("/-/reload", [.post, .put], .ready(AdminRoutes.reload)),

        Route("/api/v1/query", [.get, .post], .ready(QueryRoutes.instant), isQuick: true),
        Route("/api/v1/query_range", [.get, .post], .ready(QueryRoutes.range), isQuick: true),
        Route("/api/v1/query_exemplars", [.get, .post], .ready(QueryRoutes.exemplars)),
        Route("/api/v1/format_query", [.get, .post], .ready(QueryRoutes.format)),
        Route("/api/v1/parse_query", [.get, .post], .ready(QueryRoutes.parse)),

        Route("/api/v1/series", [.get, .post], .ready(LabelRoutes.series), isQuick: true),
        Route(LabelRoutes.namesPath, [.get, .post], .ready(LabelRoutes.names), isQuick: true),
        Route(LabelRoutes.valuesPath, [.get], .ready(LabelRoutes.values), isQuick: true),
        Route("/api/v1/metadata", [.get], .ready(MetadataRoute.list)),

        Route("/api/v1/rules", [.get], .ready(RuleRoutes.rules)),
        Route("/api/v1/rules/backfill", [.get, .post], .ready(BackfillRoute.serve)),
        Route("/api/v1/alerts", [.get], .ready(RuleRoutes.alerts)),
        Route("/api/v1/alertmanagers", [.get], .ready(AlertmanagerRoute.list)),

        Route("/api/v1/status/buildinfo", [.get], .ready(StatusRoutes.buildInfo)),
        Route("/api/v1/status/runtimeinfo", [.get], .ready(StatusRoutes.runtimeInfo)),
        Route("/api/v1/status/flags", [.get], .ready(StatusRoutes.flags)),
        Route("/api/v1/status/config", [.get], .ready(StatusRoutes.configuration)),
        Route("/api/v1/status/tsdb", [.get], .ready(StorageStatusRoutes.cardinality)),
        Route("/api/v1/status/retention", [.get, .post], .ready(RetentionRoute.show)),
        Route("/api/v1/status/walreplay", [.get], .always(StorageStatusRoutes.replay)),

        Route("/api/v1/write", [.post], .ready(WriteRoute.write), isQuick: true),
        Route("/api/v1/import/prometheus", [.post, .put], .ready(ImportRoute.importText)),

        Route("/api/v1/admin/tsdb/delete_series", [.post, .put], .ready(AdminRoutes.deleteSeries)),
        Route("/api/v1/admin/tsdb/clean_tombstones", [.post, .put], .ready(AdminRoutes.cleanTombstones)),
        Route("/api/v1/admin/tsdb/snapshot", [.post, .put], .ready(AdminRoutes.snapshot)),
        Route("/api/v1/admin/tsdb/flush", [.post, .put], .ready(AdminRoutes.flush)),
        Route("/api/v1/admin/tsdb/compact", [.post, .put], .ready(AdminRoutes.compact)),
    ]
}
