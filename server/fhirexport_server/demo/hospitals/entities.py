"""The three legal entities of the demo, and their structure.

Entities, sites, FINESS, SIREN, SIRET, categories and addresses are those of the public FINESS register;
everything below a site is invented.
"""

from fhirexport_server.demo.hospitals.plan import Entity, Pole, Service, Site, Uf

BOURG = Entity(
    finess="010780054",
    siren="260100045",
    name="Centre hospitalier de Bourg-en-Bresse",
    short="CH Bourg-en-Bresse",
    legal_name="CENTRE HOSPITALIER DE BOURG-EN-BRESSE",
    address_line="900 route de Paris",
    postal_code="01440",
    city="Viriat",
    insee="01451",
    slug="bourg",
    root="https://bourg.example.org/sid/",
    phone="+3346571",
    sites=(
        Site(
            finess="010000024",
            siret="26010004500012",
            name="Centre hospitalier de Bourg-en-Bresse - Fleyriat",
            short="CH Fleyriat",
            legal_name="CENTRE HOSPITALIER DE BOURG-EN-BRESSE FLEYRIAT",
            sae_category="355",
            address_line="900 route de Paris",
            postal_code="01440",
            city="Viriat",
            insee="01451",
            latitude=46.2247,
            longitude=5.2092,
            poles=(
                Pole(
                    "POLE",
                    "Pôle Urgences - Réanimation",
                    "URG-REA",
                    (
                        Service("Urgences", "URG", "402", (Uf("URG"), Uf("UHCD", (1, 2)))),
                        Service(
                            "Réanimation polyvalente",
                            "REA",
                            "105",
                            (Uf("REA", (1, 1, 1)), Uf("USC", (2,))),
                            "critical",
                        ),
                    ),
                ),
                Pole(
                    "POLE",
                    "Pôle Médecine",
                    "MED",
                    (
                        Service("Cardiologie", "CARDIO", "127", (Uf("HC", (2, 2, 1)), Uf("HDJ"), Uf("CS"))),
                        Service("Pneumologie", "PNEUMO", "131", (Uf("HC", (2, 2, 1)), Uf("CS"))),
                        Service("Psychiatrie de liaison", "PSY", "230", (Uf("PSY", (1, 1)),)),
                    ),
                ),
                Pole(
                    "POLE",
                    "Pôle Chirurgie",
                    "CHIR",
                    (
                        Service("Orthopédie - Traumatologie", "ORTHO", "153", (Uf("CHIR", (2, 2)), Uf("CS"))),
                        Service("Chirurgie digestive", "VISC", "146", (Uf("CHIR", (2, 1)), Uf("BLOC"))),
                    ),
                ),
                Pole(
                    "POLE",
                    "Pôle Femme - Enfant",
                    "FE",
                    (
                        Service(
                            "Gynécologie - Obstétrique",
                            "OBST",
                            "163",
                            (Uf("OBST", (2, 1)), Uf("CS")),
                            "mother",
                        ),
                        Service("Pédiatrie", "PED", "108", (Uf("HC", (2, 1)),), "child"),
                    ),
                ),
                Pole(
                    "POLE",
                    "Pôle Médico-technique et administration",
                    "MT",
                    (
                        Service("Imagerie médicale", "IMG", "35", (Uf("IMG"),)),
                        Service("Biologie", "BIO", "114", (Uf("LAB"),)),
                        Service("Pharmacie", "PUI", "114", (Uf("PHA"), Uf("ADM"))),
                    ),
                ),
            ),
        ),
        Site(
            finess="010009314",
            siret="26010004500012",
            name="SSR Hôtel-Dieu de Fleyriat",
            short="Hôtel-Dieu",
            legal_name="SSR HOTEL DIEU DE FLEYRIAT",
            sae_category="355",
            address_line="47 boulevard de Brou",
            postal_code="01000",
            city="Bourg-en-Bresse",
            insee="01053",
            latitude=46.1985,
            longitude=5.2291,
            poles=(
                Pole(
                    "POLE",
                    "Pôle Gériatrie - Réadaptation",
                    "GER",
                    (Service("Médecine et réadaptation", "SMR", "172", (Uf("SMR", (2, 2)),)),),
                ),
            ),
        ),
        Site(
            finess="010009702",
            siret="26010004500012",
            name="USLD Émile Pélicand",
            short="Pélicand",
            legal_name="USLD EMILE PELICAND",
            sae_category="362",
            address_line="10 avenue Louis-Jourdan",
            postal_code="01000",
            city="Bourg-en-Bresse",
            insee="01053",
            latitude=46.2081,
            longitude=5.2402,
            poles=(),
            services=(Service("Soins de longue durée", "USLD", "176", (Uf("USLD", (1, 1)),)),),
        ),
    ),
)

APHP = Entity(
    finess="750712184",
    siren="267500452",
    name="Assistance publique - Hôpitaux de Paris",
    short="AP-HP",
    legal_name="ASSISTANCE PUBLIQUE HOPITAUX DE PARIS",
    address_line="3 avenue Victoria",
    postal_code="75004",
    city="Paris",
    insee="75104",
    slug="aphp",
    root="urn:oid:2.999.750712184.",
    phone="+3319900",
    sites=(
        Site(
            finess="750100125",
            siret="26750045200524",
            name="Hôpital Pitié-Salpêtrière",
            short="Pitié",
            legal_name="HU PITIE SALPETRIERE APHP",
            sae_category="101",
            address_line="47 boulevard de l'Hôpital",
            postal_code="75013",
            city="Paris",
            insee="75113",
            latitude=48.8387,
            longitude=2.3652,
            poles=(
                Pole(
                    "DEPARTMENT",
                    "DMU Neurosciences",
                    "NEURO",
                    (
                        Service("Neurologie", "NEURO", "129", (Uf("HC", (2, 1)), Uf("CS"))),
                        Service("Neurochirurgie", "NCHIR", "151", (Uf("CHIR", (2,)), Uf("BLOC"))),
                    ),
                ),
                Pole(
                    "DEPARTMENT",
                    "DMU Urgences - Soins critiques",
                    "URG",
                    (
                        Service("Urgences", "URG", "402", (Uf("URG"),)),
                        Service("Réanimation", "REA", "104", (Uf("REA", (1, 1)),), "critical"),
                    ),
                ),
            ),
        ),
        Site(
            finess="750100208",
            siret="26750045200284",
            name="Hôpital Necker-Enfants malades",
            short="Necker",
            legal_name="HU NECKER ENFANTS MALADES APHP",
            sae_category="101",
            address_line="149 rue de Sèvres",
            postal_code="75015",
            city="Paris",
            insee="75115",
            latitude=48.8459,
            longitude=2.3157,
            poles=(
                Pole(
                    "DEPARTMENT",
                    "DMU Mère - Enfant",
                    "ME",
                    (
                        Service("Pédiatrie générale", "PED", "109", (Uf("HC", (1, 1)), Uf("CS")), "child"),
                        Service("Maternité", "MAT", "165", (Uf("OBST", (1, 1)),), "mother"),
                    ),
                ),
            ),
        ),
    ),
)

AJACCIO = Entity(
    finess="2A0000014",
    siren="262000060",
    name="Centre hospitalier d'Ajaccio",
    short="CH Ajaccio",
    legal_name="CENTRE HOSPITALIER D'AJACCIO",
    address_line="27 avenue de l'Impératrice-Eugénie",
    postal_code="20000",
    city="Ajaccio",
    insee="2A004",
    slug="ajaccio",
    root="https://ajaccio.example.org/sid/",
    phone="+3346571",
    sites=(
        Site(
            finess="2A0000022",
            siret="26200006000018",
            name="Centre hospitalier Notre-Dame de la Miséricorde",
            short="Miséricorde",
            legal_name="CH ND LA MISERICORDE",
            sae_category="355",
            address_line="27 avenue de l'Impératrice-Eugénie",
            postal_code="20000",
            city="Ajaccio",
            insee="2A004",
            latitude=41.9229,
            longitude=8.7357,
            poles=(
                Pole(
                    "POLE",
                    "Pôle Médecine - Urgences",
                    "MED",
                    (
                        Service("Urgences", "URG", "402", (Uf("URG"),)),
                        Service("Médecine polyvalente", "MED", "223", (Uf("HC", (2, 1)), Uf("CS"))),
                        Service("Surveillance continue", "USC", "107", (Uf("USC", (1,)),), "critical"),
                    ),
                ),
            ),
        ),
        Site(
            finess="2A0023271",
            siret="26200006000083",
            name="USLD d'Ajaccio",
            short="USLD",
            legal_name="USLD D' AJACCIO",
            sae_category="362",
            address_line="Boulevard Lantivy",
            postal_code="20000",
            city="Ajaccio",
            insee="2A004",
            latitude=41.9192,
            longitude=8.7344,
            poles=(),
            services=(Service("Soins de longue durée", "USLD", "176", (Uf("USLD", (1,)),)),),
        ),
    ),
)

ENTITIES = (BOURG, APHP, AJACCIO)
