"""The truth: every coefficient the simulated company is drawn from.

Belongs here: effects, rates and shares, with their scale. Does not belong here: drawing. The numbers are invented;
they were chosen so that a perfect model would reach an AUC near 0.8, as good models do on real companies.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Factor:
    """A category with its share of leads and its effect on the log-odds of conversion, level by level."""

    levels: tuple[str, ...]
    shares: tuple[float, ...]
    effects: tuple[float, ...]


@dataclass(frozen=True)
class LeadTruth:
    """Conversion: log-odds = intercept + effects of the factors + interest_effect * interest, interest ~ N(0, 1).

    Attributes:
        stuck_shares: of the leads that never convert, the share whose last stage is lead, mql, sql, opportunity.
        lag_median_days, lag_sigma: log-normal lags lead→mql→sql→opportunity→customer, rounded down to days.
        lost_median_days, lost_sigma: the same for opportunity→lost.
    """

    intercept: float = -2.68
    interest_effect: float = 0.45
    source: Factor = Factor(
        ("website", "paid_search", "paid_social", "content", "event", "referral", "partner", "outbound"),
        (0.24, 0.18, 0.16, 0.09, 0.08, 0.08, 0.07, 0.10),
        (0.0, -0.1, -1.0, 0.2, 0.4, 1.4, 0.9, -1.1),
    )
    campaign: Factor = Factor(("always_on", "product_launch", "discount"), (0.6, 0.25, 0.15), (0.0, 0.3, -0.3))
    seniority: Factor = Factor(
        ("individual", "manager", "director", "vp", "c_level"), (0.3, 0.3, 0.2, 0.12, 0.08), (-1.0, 0.0, 0.4, 0.8, 1.1)
    )
    company_size: Factor = Factor(
        ("1-10", "11-50", "51-200", "201-1000", "1001+"), (0.22, 0.3, 0.24, 0.16, 0.08), (-1.1, -0.2, 0.3, 0.7, 0.1)
    )
    industry: Factor = Factor(
        ("software", "manufacturing", "retail", "finance", "healthcare", "education", "logistics", "services"),
        (0.2, 0.16, 0.13, 0.12, 0.11, 0.08, 0.09, 0.11),
        (0.4, 0.0, -0.3, 0.3, 0.0, -0.5, 0.1, 0.0),
    )
    region: Factor = Factor(
        ("US", "DACH", "EU", "APAC", "Vietnam"), (0.30, 0.28, 0.20, 0.14, 0.08), (0.1, 0.2, 0.0, -0.2, -0.4)
    )
    stuck_shares: tuple[float, ...] = (0.55, 0.22, 0.12, 0.11)
    lag_median_days: tuple[float, ...] = (5.0, 9.0, 7.0, 28.0)
    lag_sigma: tuple[float, ...] = (0.8, 0.8, 0.7, 0.55)
    lost_median_days: float = 42.0
    lost_sigma: float = 0.6
    lost_with_account_share: float = 0.45
    consultation_share: float = 0.3

    @property
    def factors(self) -> dict[str, Factor]:
        """The factors of the log-odds by the name of the leads' column."""
        return {
            "lead_source": self.source,
            "campaign": self.campaign,
            "seniority": self.seniority,
            "company_size": self.company_size,
            "industry": self.industry,
            "region": self.region,
        }


@dataclass(frozen=True)
class InflowTruth:
    """Lead inflow of a day: growth ** month * factor of the calendar month * factor of the weekday."""

    monthly_growth: float = 1.01
    month_factors: tuple[float, ...] = (1.05, 1.0, 1.2, 1.05, 1.0, 0.95, 0.75, 0.7, 1.15, 1.2, 1.15, 0.8)
    weekend_factor: float = 0.35


@dataclass(frozen=True)
class ChurnTruth:
    """Monthly churn decision of an active customer (annual contracts decide at renewal only).

    log-odds = base(billing) + region + size + health_effect * (lag_weights · health of the last two months)
    + shock_effect * bad ticket last month + early_effect * (monthly and tenure ≤ 3 months)
    + price_effect * price raised + treatment_effect * treated in the last three months.
    Health: z(t) = rho * z(t-1) + (1 - rho) * level + step_sd * N(0, 1), level ~ N(0, level_sd).
    """

    monthly_base: float = -3.75
    annual_base: float = -1.7
    annual_share: float = 0.35
    health_effect: float = -0.9
    lag_weights: tuple[float, float] = (0.6, 0.4)
    rho: float = 0.88
    step_sd: float = 0.42
    level_sd: float = 0.6
    shock_effect: float = 1.0
    shock_rates: tuple[float, ...] = (0.03, 0.04, 0.05, 0.06, 0.07)
    early_effect: float = 0.4
    price_effect: float = 0.7
    price_raises: tuple[tuple[int, float], ...] = ((13, 1.06), (25, 1.08))
    price_window_months: int = 3
    treatment_effect: float = -0.9
    treatment_months: int = 3
    check_threshold: float = -0.8
    check_noise_sd: float = 0.5
    rest_months: int = 6
    holdout_share: float = 0.3
    region: tuple[float, ...] = (0.0, -0.2, 0.0, 0.2, 0.35)
    size: tuple[float, ...] = (0.5, 0.2, 0.0, -0.2, -0.5)
    return_share: float = 0.12
    return_monthly_rate: float = 0.3


@dataclass(frozen=True)
class ContractTruth:
    """Plans, seats and their changes; prices are EUR per seat and month."""

    plans: tuple[str, ...] = ("starter", "growth", "enterprise")
    seat_price: tuple[float, ...] = (22.0, 36.0, 58.0)
    seats_median: tuple[float, ...] = (4.0, 10.0, 25.0, 60.0, 150.0)
    annual_discount: float = 0.85
    expansion_rate: float = 0.03
    expansion_health_effect: float = 0.6
    contraction_rate: float = 0.012
    annual_change_factor: float = 6.0
    upgrade_share: float = 0.15
    trial_share: float = 0.35
    trial_days: int = 14
    refund_share: float = 0.015
    unpaid_share: float = 0.01
    onboarding_share: float = 0.3


@dataclass(frozen=True)
class SignalTruth:
    """What the latent health leaves in usage, tickets, surveys and payments (effects per unit of health)."""

    features: tuple[str, ...] = ("workspace", "reports", "automation", "integrations")
    feature_rates: tuple[float, ...] = (0.72, 0.36, 0.22, 0.14)
    weekend_rate: float = 0.12
    presence_health_effect: float = 0.7
    events_health_effect: float = 0.45
    account_events_sd: float = 0.2
    ticket_rate: float = 0.35
    ticket_health_effect: float = -0.25
    nps_mean: float = 7.6
    nps_health_effect: float = 1.4
    nps_noise_sd: float = 1.3
    nps_answer_share: float = 0.45
    payment_median_days: float = 9.0
    payment_health_effect: float = -0.3


@dataclass(frozen=True)
class Parameters:
    """All of the truth; written to `parameters.json` of the truth folder."""

    lead: LeadTruth = field(default_factory=LeadTruth)
    inflow: InflowTruth = field(default_factory=InflowTruth)
    churn: ChurnTruth = field(default_factory=ChurnTruth)
    contract: ContractTruth = field(default_factory=ContractTruth)
    signal: SignalTruth = field(default_factory=SignalTruth)


PARAMETERS = Parameters()
