"""Run by Feast's own interpreter: register a feature repository and ask it for the features of each model.

Belongs here: what a user of Feast would type. It imports nothing of ours. For every `labels_<model>.parquet` in the
repository it leaves `found_<model>.parquet`, and in `registered.json` what Feast knows of the views.
"""

import json
import sys
from pathlib import Path

import pandas as pd
from feast import FeatureStore
from feast.cli.cli import cli

repository = Path(sys.argv[1])
cli(["-c", str(repository), "apply"], standalone_mode=False)
store = FeatureStore(repo_path=str(repository))
registered = {
    view.name: [view.entities[0], view.ttl.days, view.owner, view.tags["version"], len(view.features)]
    for view in store.list_feature_views()
}
(repository / "registered.json").write_text(json.dumps(registered))
for path in repository.glob("labels_*.parquet"):
    model = path.stem.removeprefix("labels_")
    job = store.get_historical_features(entity_df=pd.read_parquet(path), features=store.get_feature_service(model))
    job.to_df().to_parquet(repository / f"found_{model}.parquet")
